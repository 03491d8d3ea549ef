"""Every vector on a served process that is never emptied, over real sockets, gRPC and HTTP.

Cases find nobody but their own people there, because every value carries the mark of its run. What a live
service does not offer, a clock above all, is left out by name; tests/conformance has it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Final

import pytest

from idsync.config.blocked import blocked_document
from idsync.model.policy import Policy
from idsync.testing.scenario.case import Capability, Case
from idsync.testing.scenario.live import LiveService, marked_cases, new_mark, open_live
from idsync.testing.scenario.runner import run_case
from idsync.testing.scenario.surface import NEEDS
from tests.conformance.vectors import FOLDER, STORIES, TYPED, unexpected
from tests.e2e.http_process import http_process
from tests.program import Addresses, idsync

TOKEN: Final = "an-operator"

OUT_OF_REACH: Final[Mapping[str, str]] = {
    "AL-015": NEEDS[Capability.CLOCK],
    "MA-009": NEEDS[Capability.WORKSPACES],
    "MA-010": NEEDS[Capability.ERASURE],
}
"""What nobody can do to a live service from outside, by case id."""

RAW: Final = frozenset({"ER-017", "ER-018", "ER-019", "ER-020"})
"""Raw HTTP requests: the journal could only be searched for a request id, and they have none."""


def _policies() -> dict[str, Policy]:
    """Name the different settings of the vectors: a scope each."""
    policies: dict[str, Policy] = {}
    for case in STORIES:
        assert case.settings is not None
        if case.settings.policy not in policies.values():
            policies[f"s{len(policies)}"] = case.settings.policy
    return policies


POLICIES: Final = _policies()


def _scope_of(case: Case) -> str:
    assert case.settings is not None
    return next(name for name, policy in POLICIES.items() if policy == case.settings.policy)


def _section(name: str, policy: Policy) -> str:
    lists = {
        "identity_priority": policy.priority,
        "login_ids": sorted(policy.login),
        "unique_ids": sorted(policy.unique),
        "immutable_ids": sorted(policy.immutable),
    }
    lines = [f"{setting} = {json.dumps([t.wire_name for t in types])}" for setting, types in lists.items()]
    limits = [f"max_per_type.{t.wire_name} = {limit}" for t, limit in policy.max_per_type.items()]
    return "\n".join(
        [
            f'[scopes.{name}]\nstrategy = "{policy.strategy}"',
            *lines,
            *limits,
            f"search_requires_immutable = {json.dumps(policy.search_requires_immutable)}",
            f"[guards.{name}]\nconflict_guard = {json.dumps(policy.conflict_guard)}",
            *_blocked_lines(policy),
            f'[workspaces.{name}]\nscope = "{name}"\n[[workspaces.{name}.inputs]]',
            f'platform = "web"\nkey = "{name}-key"\nsecret = "{name}-secret"\nkey_only = true\n',
        ]
    )


def _blocked_lines(policy: Policy) -> Iterator[str]:
    if policy.blocked_values is not None:
        for name, entries in blocked_document(policy.blocked_values).items():
            yield f"blocked_values.{name} = {json.dumps(entries)}"


@pytest.fixture(scope="module", params=["1", "2"], ids=["one process", "two fronts"])
def addresses(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Addresses]:
    """Serve all the settings at once; by one process, and by fronts before the one that owns the graph."""
    sections = [_section(name, policy) for name, policy in POLICIES.items()]
    configuration = "\n".join([f'[operator]\ntoken = "{TOKEN}"', *sections])
    flags = ("--processes", request.param)
    with http_process(tmp_path_factory.mktemp("served"), configuration, *flags) as service:
        yield service.addresses


async def _faults_of(
    case: Case, service: LiveService, inexpressible: Mapping[str, str], unseen: set[str]
) -> list[str]:
    [marked] = marked_cases([case], new_mark())
    async with open_live(service) as live:
        result = await run_case(marked, live.open_surface, prefix=new_mark())
    return unexpected(result, inexpressible.get(case.id), unseen)


@pytest.mark.parametrize("case", STORIES, ids=lambda case: case.id)
async def test_vector_over_grpc(case: Case, addresses: Addresses) -> None:
    """Only the outcome of an alias, a day later, stays unseen."""
    scope = _scope_of(case)
    service = LiveService(addresses.grpc, None, f"{scope}-key", f"{scope}-secret", TOKEN)

    assert await _faults_of(case, service, {**TYPED, **OUT_OF_REACH}, {"outcome"}) == []


@pytest.mark.parametrize("case", STORIES, ids=lambda case: case.id)
async def test_vector_over_http(case: Case, addresses: Addresses) -> None:
    """As web clients call: by the key alone; gRPC inspects."""
    service = LiveService(addresses.grpc, addresses.http, f"{_scope_of(case)}-key", None, TOKEN)
    unseen = {"that nothing changed"} if case.id in RAW else {"outcome"}

    assert await _faults_of(case, service, OUT_OF_REACH, unseen) == []


async def test_command_line_runs_a_file_again_and_again(addresses: Addresses) -> None:
    """Without a token, exit code 3: records are not checked, and that is said."""
    file = str(FOLDER / "default.json")
    key = f"{_scope_of(next(case for case in STORIES if case.id == 'DF-001'))}-key"
    options = ["--target", addresses.grpc, "--http", addresses.http, "--key", key]

    seen = await idsync("scenario", "run", file, *options, "--token", TOKEN, "--json")
    unseen = [await idsync("scenario", "run", file, *options) for _ in range(2)]

    document = json.loads(seen.out)
    mine = {case.id for case in STORIES if case.settings and _scope_of(case) == key.removesuffix("-key")}
    failed = {case["id"] for case in document["cases"] if case["verdict"] == "failed"}
    assert failed.isdisjoint(mine), seen.out
    assert document["passed"] >= len(mine & {case["id"] for case in document["cases"]}) > 1
    for run in unseen:
        assert "not checked, profiles (needs inspection" in run.out
        assert run.out.splitlines()[-1].endswith("expectations not checked")


async def test_command_line_says_what_keeps_it_from_running(addresses: Addresses) -> None:
    """One line on standard error, nothing on standard output, exit code 1."""
    file = str(FOLDER / "default.json")
    attempts = {
        "nobody there": ["--target", "127.0.0.1:1", "--key", "s0-key"],
        "unknown key": ["--target", addresses.grpc, "--key", "no-such-key"],
        "no operator": ["--target", addresses.grpc, "--key", "s0-key", "--token", "no-such-token"],
    }

    runs = {
        name: await idsync("scenario", "run", file, *options, "--json") for name, options in attempts.items()
    }

    for name, run in runs.items():
        assert (run.code, run.out) == (1, ""), name
        assert len(run.err.splitlines()) == 1, name
