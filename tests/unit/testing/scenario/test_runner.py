"""The runner: what passes, what fails and where, what is skipped, and what is left unchecked."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from idsync.model.changes import ChangeSet
from idsync.model.errors import ConfigurationError
from idsync.model.identity import Environment, GraphKey, TypeSet
from idsync.model.journal import NEW, Change, ChangeKind
from idsync.model.view import GraphView, ViewRequest
from idsync.store.memory import MemoryStore
from idsync.store.protocol import Store
from idsync.testing.clock import ManualClock
from idsync.testing.scenario.case import Capability, Case
from idsync.testing.scenario.resolver_surface import (
    ResolverSurface,
    over_memory,
    over_store,
    refuse_unusable,
    scope_of,
)
from idsync.testing.scenario.result import CaseResult, Verdict
from idsync.testing.scenario.runner import run_case
from idsync.testing.scenario.surface import NEEDS, OpenSurface
from tests.unit.testing.scenario.stories import read, read_all, story

FIRST, SECOND, MODIFY, ALIAS, REFUSED = (("steps", number, "expect") for number in range(5))


def without(*missing: Capability) -> OpenSurface:
    """Give a memory surface that cannot do some things."""

    class Poorer(ResolverSurface):
        @property
        def capabilities(self) -> frozenset[Capability]:
            return super().capabilities - set(missing)

    @asynccontextmanager
    async def open_surface(case: Case) -> AsyncIterator[ResolverSurface]:
        assert case.settings is not None
        clock = ManualClock()
        scope = scope_of(case.settings.policy, case)
        yield Poorer(MemoryStore(clock=clock), scope, case.settings.scopes, clock)

    return open_surface


async def result_of(folder: Path, *changes: tuple[tuple[str | int, ...], Any]) -> CaseResult:
    return await run_case(read(folder, story(*changes)), over_memory())


async def test_a_story_that_holds_passes(tmp_path: Path) -> None:
    result = await result_of(tmp_path)

    assert (result.verdict, result.failure, result.unchecked) == (Verdict.PASSED, None, ())


@pytest.mark.parametrize(
    ("path", "value", "step", "member"),
    [
        ((*FIRST, "matched_identities"), {"ios_idfv": "d1"}, 1, "matched_identities"),
        ((*FIRST, "is_logged_in"), True, 1, "is_logged_in"),
        ((*FIRST, "is_ephemeral"), False, 1, "is_ephemeral"),
        ((*SECOND, "source_mpid"), None, 2, "source_mpid"),
        ((*SECOND, "profiles", "$A"), {}, 2, "profiles.$A"),
        ((*MODIFY, "change_results"), [], 3, "change_results"),
        ((*ALIAS, "http_status"), 200, 4, "http_status"),
        ((*ALIAS, "outcome"), "ignored", 4, "outcome"),
        ((*REFUSED, "error", "http_status"), 404, 5, "error"),
        ((*REFUSED, "error", "code"), "VALIDATION_ERROR", 5, "error"),
        (REFUSED, {}, 5, "answer"),
    ],
)
async def test_every_kind_of_expectation_can_fail(
    tmp_path: Path, path: tuple[str | int, ...], value: Any, step: int, member: str
) -> None:
    result = await result_of(tmp_path, (path, value))

    assert result.verdict is Verdict.FAILED
    assert result.failure is not None
    assert result.failure.number == step
    assert [difference.member for difference in result.failure.differences] == [member]


@pytest.mark.parametrize(
    ("expect", "member"), [({"mpid": "$A"}, "mpid"), ({"error": {"http_status": 400}}, "error")]
)
async def test_another_profile_or_an_answer_instead_of_an_error_fails(
    tmp_path: Path, expect: dict[str, Any], member: str
) -> None:
    changes = [(("steps",), story()["steps"][:2]), (SECOND, expect)]

    result = await result_of(tmp_path, *changes)

    assert result.failure is not None
    assert (result.failure.number, result.failure.differences[0].member) == (2, member)


async def test_a_failure_tells_which_rule_decided(tmp_path: Path) -> None:
    result = await result_of(tmp_path, ((*SECOND, "source_mpid"), "$B"))

    assert result.failure is not None
    assert (result.failure.rule, result.failure.decided) == ("link/new-known", "created")
    assert result.failure.request["previous_mpid"] == "$A"
    assert set(result.failure.symbols) == {"$A", "$B"}


async def test_a_modify_is_found_in_the_journal_to_tell_its_rule(tmp_path: Path) -> None:
    """Its answer names no rule, so the journal is asked."""
    result = await result_of(tmp_path, ((*MODIFY, "change_results"), []))

    assert result.failure is not None
    assert result.failure.rule == "modify/changed"


async def test_without_inspection_what_only_it_shows_is_left_and_said(tmp_path: Path) -> None:
    case = read(tmp_path, story((("requires",), ["inspection"])))

    result = await run_case(case, without(Capability.INSPECTION))

    assert result.verdict is Verdict.PASSED
    assert [(left.step, left.what) for left in result.unchecked] == [
        (2, "profiles"),
        (2, "source_mpid"),
        (4, "outcome"),
    ]
    assert {left.reason for left in result.unchecked} == {NEEDS[Capability.INSPECTION]}


async def test_without_a_clock_the_outcome_of_an_alias_is_left_and_said(tmp_path: Path) -> None:
    case = read(tmp_path, story((("requires",), ["clock"])))

    result = await run_case(case, without(Capability.CLOCK))

    assert result.verdict is Verdict.PASSED
    assert [(left.step, left.what, left.reason) for left in result.unchecked] == [
        (4, "outcome", NEEDS[Capability.CLOCK])
    ]


@pytest.mark.parametrize(
    ("missing", "change"),
    [
        (Capability.CLOCK, (("steps", 0, "advance_ms"), 1)),
        (Capability.WORKSPACES, (("requires",), ["workspaces"])),
        (Capability.ERASURE, (("requires",), ["erasure", "inspection"])),
        (Capability.HTTP, (("requires",), ["http"])),
    ],
)
async def test_a_case_is_skipped_for_what_cannot_be_had(
    tmp_path: Path, missing: Capability, change: tuple[tuple[str | int, ...], Any]
) -> None:
    result = await run_case(read(tmp_path, story(change)), without(missing))

    assert (result.verdict, result.reason) == (Verdict.SKIPPED, NEEDS[missing])


async def test_a_case_is_skipped_before_its_first_step_for_a_later_one(tmp_path: Path) -> None:
    """Half a story would leave people in a graph that is not emptied."""
    changes = [(("steps", 4, "request", "previous_mpid"), "abc"), ((*FIRST, "is_logged_in"), True)]

    result = await result_of(tmp_path, *changes)

    assert result.verdict is Verdict.SKIPPED


async def test_the_clock_of_a_case_carries_out_what_is_due(tmp_path: Path) -> None:
    """An alias is applied if its source is erased a day later, ignored if at once (ID-187)."""
    erase = {"call": "delete", "request": {"mpid": "$A"}, "expect": {}}
    at_once, later = erase, {**erase, "advance_ms": 90_000_000}

    results = [
        await result_of(tmp_path, (("steps",), [*story()["steps"][:4], step])) for step in (later, at_once)
    ]

    assert results[0].failure is None
    assert results[1].failure is not None
    assert results[1].failure.differences[0].came == "ignored"


async def test_a_profile_can_be_erased(tmp_path: Path) -> None:
    erase = {"call": "delete", "request": {"mpid": "$A"}, "expect": {}}

    result = await result_of(tmp_path, (("steps",), [*story()["steps"][:1], erase]))
    again = await result_of(tmp_path, (("steps",), [*story()["steps"][:1], erase, erase]))

    assert result.verdict is Verdict.PASSED
    assert again.failure is not None
    assert again.failure.number == 3


class LeakyStore(MemoryStore):
    """Writes whenever somebody looks."""

    async def read_views(self, wanted: Sequence[ViewRequest]) -> list[GraphView]:
        views = await super().read_views(wanted)
        graph = GraphKey("s1", Environment.PRODUCTION)
        created = (Change(ChangeKind.PROFILE_CREATED, NEW),)
        await self.apply([ChangeSet(graph, NEW, views[0], "leak", "leak", created)])
        return views


async def test_a_refused_call_that_left_a_trace_is_found_out(tmp_path: Path) -> None:
    """Rule ID-041: the journal must not have grown."""

    @asynccontextmanager
    async def leaky(clock: ManualClock, _logins: Mapping[str, TypeSet]) -> AsyncIterator[Store]:
        yield LeakyStore(clock=clock)

    case = read(tmp_path, story((("steps",), story()["steps"][4:])))

    result = await run_case(case, over_store(leaky))

    assert result.failure is not None
    assert [d.came for d in result.failure.differences] == ["the refused call was journaled"]


async def test_a_policy_replaces_that_of_the_case(tmp_path: Path) -> None:
    case = read(tmp_path, story())
    assert case.settings is not None
    [other] = read_all(tmp_path, story((("strategy",), ...), (("config",), ...)))

    result = await run_case(other, over_memory(case.settings.policy))

    assert result.verdict is Verdict.PASSED


async def test_cases_that_no_service_would_start_with_are_all_named(tmp_path: Path) -> None:
    cases = read_all(
        tmp_path,
        story((("id",), "X-2"), (("strategy",), ...), (("config",), ...)),
        story((("id",), "X-3"), (("strategy",), "no_such")),
        story((("id",), "X-4"), (("config", "login_ids"), ["ios_idfv"])),
        story(),
    )

    with pytest.raises(ConfigurationError) as refusal:
        refuse_unusable(cases)

    for part in ("X-2: has no strategy and config", "X-3: unknown strategy", "X-4: the configuration is"):
        assert part in str(refusal.value)
    assert "X-1" not in str(refusal.value)


async def test_a_signature_is_checked_without_any_surface(tmp_path: Path) -> None:
    """Rule ID-224."""
    parts = {"secret": "s", "method": "POST", "date": "d", "path": "/v1/identify", "body": "{}"}
    case = {"id": "S", "kind": "signature", "title": "t", "rules": [], **parts, "signature": "00"}
    [wrong] = read_all(tmp_path, case)

    result = await run_case(wrong, over_memory())

    assert result.failure is not None
    [right] = read_all(tmp_path, {**case, "signature": result.failure.differences[0].came})
    assert (await run_case(right, over_memory())).verdict is Verdict.PASSED
