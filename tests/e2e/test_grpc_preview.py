"""PreviewStrategy over the wire, over each store: differences, progress, cancelling, what is refused."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import cast

import pytest

from idsync.client import AsyncClient, identities
from idsync.model.errors import (
    ForbiddenError,
    IdsyncError,
    InvalidRequestError,
    NotFoundError,
    UnavailableError,
)
from idsync.preview.report import Report
from idsync.server.app import App
from idsync.v1 import identity_pb2
from idsync.v1 import preview_pb2 as pb
from idsync.v1 import undo_pb2 as undo
from idsync.v1.identity_service_pb2 import IdentityChange, LoginRequest, ModifyRequest
from tests.e2e.conftest import OPERATOR, SHOP
from tests.e2e.profiles import DEVELOPMENT, PRODUCTION, identify, login

_PATIENCE_S = 120.0
SAME = """
[scopes.retail]
strategy = "profile_link"
identity_priority = ["customerid", "email", "ios_idfv", "roku_aid"]
login_ids = ["customerid", "email"]
unique_ids = ["customerid", "email"]
"""
CONVERSION = SAME.replace("profile_link", "profile_conversion")


def asked(
    candidate: str = CONVERSION, until_seq: int = 0, scope: str = "retail"
) -> pb.PreviewStrategyRequest:
    return pb.PreviewStrategyRequest(
        scope=scope, environment=PRODUCTION, candidate=candidate, until_seq=until_seq
    )


async def preview(client: AsyncClient, request: pb.PreviewStrategyRequest) -> pb.PreviewReport:
    """Ask as an operator, and wait for the report."""
    async with asyncio.timeout(_PATIENCE_S):
        told = [each async for each in client.preview_strategy(request, credentials=OPERATOR)]
    assert [each.WhichOneof("told") for each in told[:-1]] == ["progress"] * (len(told) - 1)
    assert len(told) > 1
    assert told[-2].progress.journal_seq == told[-1].report.until_seq == told[-2].progress.until_seq
    return told[-1].report


def is_empty(report: pb.PreviewReport) -> bool:
    """Say whether nothing was replayed, and so nothing found."""
    found = {field.name: value for field, value in report.ListFields()}
    return all(value == pb.PreviewGroup() for value in found.values())


async def traffic(client: AsyncClient) -> tuple[int, int]:
    """Let somebody visit, come back, sign in and be refused; a modify and a withheld value among it."""
    anonymous = await identify(client, ios_idfv="d")
    await identify(client, ios_idfv="d")
    await identify(client, ios_idfv="d")
    known_mpid = await login(client, customerid="ann", ios_idfv="d")
    await login(client, customerid="ann", ios_idfv="d")
    with pytest.raises(IdsyncError):
        await login(client, ios_idfv="d")
    change = IdentityChange(type=identity_pb2.IDENTITY_TYPE_EMAIL, new_value="ann@example.com")
    await client.modify(ModifyRequest(environment=PRODUCTION, mpid=known_mpid, identity_changes=[change]))
    return anonymous, known_mpid


async def split_the_address_off(client: AsyncClient, mpid: int) -> None:
    """Let an operator part a person from the address."""
    address = identity_pb2.Identity(type=identity_pb2.IDENTITY_TYPE_EMAIL, value="ann@example.com")
    request = undo.SplitProfileRequest(mpid=mpid, identities=[address])
    await client.split_profile(request, credentials=OPERATOR)


class TestDifferences:
    async def test_other_settings(self, client: AsyncClient) -> None:
        """Who would be one person, with how many calls and by which rules; repeats and refusals counted."""
        anonymous, ann = await traffic(client)

        report = await preview(client, asked())

        assert (report.entries, report.repeated, report.refused) == (3, 3, 1)
        # who was refused would have made somebody new
        assert (report.profiles, report.candidate_profiles, report.parted.count) == (2, 2, 1)
        (joined,) = report.joined.samples
        assert (report.joined.count, joined.mpid, list(joined.candidate_mpids)) == (1, ann, [anonymous])
        assert (joined.rule, joined.candidate_rule) == ("link/new-known", "conversion/converted")
        (moved,) = report.moved.samples
        # the modify goes where the person went
        assert (report.moved.count, report.moved.calls, moved.mpid) == (1, 3, ann)
        assert (report.fewer_refused.count, report.more_refused.count) == (1, 0)
        owners = {
            s.identity.value: (list(s.owners), list(s.candidate_mpids)) for s in report.identities.samples
        }
        assert owners == {
            "ann": ([ann], [anonymous]),
            "ann@example.com": ([ann], [anonymous]),
            "d": (sorted([anonymous, ann]), [0, anonymous]),
        }
        assert not report.gaps
        assert (report.incomplete, report.not_recorded) == (0, 0)

    async def test_the_same_settings(self, client: AsyncClient, app: App) -> None:
        """An erased profile is as erased there."""
        anonymous, _ = await traffic(client)
        (graph,) = (await app.store.graph_of([anonymous])).values()
        await app.resolver.delete(graph, anonymous)
        await identify(client, ios_idfv="d")

        report = await preview(client, asked(SAME))

        assert [getattr(report, name).count for name in ("joined", "parted", "never_made", "moved")] == [
            0
        ] * 4
        assert (report.identities.count, report.more_refused.count, report.fewer_refused.count) == (0, 0, 0)
        assert report.profiles == report.candidate_profiles == 2

    async def test_what_operators_did(self, client: AsyncClient) -> None:
        """A split, a must-not-link that holds, and a revert: done there too, from every store's journal."""
        _, ann = await traffic(client)
        await split_the_address_off(client, ann)
        await login(client, customerid="ann", email="ann@example.com")
        revert = undo.RevertChangeRequest(scope="retail", environment=PRODUCTION, seq=4)
        await client.revert_change(revert, credentials=OPERATOR)
        await login(client, customerid="ann", email="ann@example.com")

        report = await preview(client, asked(SAME))

        assert not any(getattr(report, name).count for name in Report.GROUPS)
        assert [(f.cause, f.carried_out, f.in_part, f.did_not_apply) for f in report.followed] == [
            ("revert", 1, 0, 0),
            ("split", 1, 0, 0),
        ]
        assert not report.not_replayed

    async def test_up_to_an_entry(self, client: AsyncClient) -> None:
        await traffic(client)

        report = await preview(client, asked(until_seq=1))

        assert (report.until_seq, report.entries, report.profiles) == (1, 1, 1)
        assert report.repeated == 2

    async def test_nothing_happened_yet(self, client: AsyncClient) -> None:
        report = await preview(client, asked())

        assert is_empty(report)

    async def test_everybody_was_erased(self, client: AsyncClient, app: App) -> None:
        """The calls are replayed all the same, and what was erased is said."""
        mpid = await login(client, customerid="ann", ios_idfv="d")
        (graph,) = (await app.store.graph_of([mpid])).values()
        await app.resolver.delete(graph, mpid)

        report = await preview(client, asked())

        assert (report.entries, report.profiles, report.candidate_profiles) == (1, 0, 0)
        assert report.erased_values == 2
        assert "ann" not in str(report)

    async def test_the_live_graph_is_not_touched(self, client: AsyncClient, app: App) -> None:
        await traffic(client)
        (graph,) = await app.store.graphs()
        before = await app.store.entries(graph, 0, 100)

        await preview(client, asked())

        assert await app.store.entries(graph, 0, 100) == before


class TestRefused:
    @pytest.mark.parametrize(
        ("candidate", "fault"),
        [
            ("[scopes.retail", "line 1"),
            ("", r"\[scopes.retail\] is missing"),
            (SAME + "[operator]\ntoken = 'x'\n", "operator: unknown key"),
            (SAME + "[scopes.parted]\nstrategy = 'default'\n", "another scope than retail"),
            (SAME.replace("profile_link", "wishful"), "wishful"),
            (SAME + "[guards]\nblock = true\n", "guards.block: unknown key"),
            (SAME.replace('login_ids = ["customerid", "email"]', 'login_ids = ["ios_idfv"]'), "device type"),
        ],
    )
    async def test_bad_settings(self, client: AsyncClient, candidate: str, fault: str) -> None:
        """ID-036: with every fault named, like those of a configuration file."""
        with pytest.raises(InvalidRequestError, match=fault):
            await preview(client, asked(candidate))

    async def test_all_faults_at_once(self, client: AsyncClient) -> None:
        candidate = SAME.replace("profile_link", "wishful") + "surplus = 1\n"

        with pytest.raises(InvalidRequestError, match=r"(?s)(wishful.*surplus|surplus.*wishful)"):
            await preview(client, asked(candidate))

    async def test_who_may_not(self, client: AsyncClient) -> None:
        """An input that may read is no operator."""
        with pytest.raises(ForbiddenError):
            async for _ in client.preview_strategy(asked(), credentials=SHOP):
                pass

    async def test_what_is_not_there(self, client: AsyncClient) -> None:
        with pytest.raises(NotFoundError):
            await preview(client, asked(scope="nowhere"))
        with pytest.raises(InvalidRequestError, match="the journal ends with entry 0"):
            await preview(client, asked(until_seq=1))
        with pytest.raises(InvalidRequestError, match="negative"):
            await preview(client, asked(until_seq=-1))

    async def test_another_environment_is_another_history(self, client: AsyncClient) -> None:
        """ID-004."""
        await traffic(client)
        request = asked()
        request.environment = DEVELOPMENT

        assert is_empty(await preview(client, request))


class TestCancelled:
    async def test_whoever_leaves_ends_the_replay(self, client: AsyncClient) -> None:
        """The next one is taken, since only one goes on at a time."""
        await traffic(client)
        answers = cast(
            "AsyncGenerator[pb.PreviewStrategyResponse, None]",
            client.preview_strategy(asked(), credentials=OPERATOR),
        )
        async with aclosing(answers):
            first = await anext(answers)
        async with asyncio.timeout(_PATIENCE_S):
            while (report := await _unless_busy(client)) is None:  # noqa: ASYNC110 - nobody tells
                await asyncio.sleep(0)

        assert first.progress == pb.PreviewProgress(until_seq=3)
        assert report.entries == 3


async def _unless_busy(client: AsyncClient) -> pb.PreviewReport | None:
    try:
        return await preview(client, asked())
    except UnavailableError:
        return None


async def test_calls_are_recorded_with_what_the_graph_does_not_know(client: AsyncClient) -> None:
    """A login that was refused names a value of nobody; another strategy would have made a profile of it."""
    await identify(client, ios_idfv="d")
    request = LoginRequest(environment=PRODUCTION, known_identities=identities({"ios_idfv": "stranger"}))
    with pytest.raises(IdsyncError):
        await client.login(request)

    report = await preview(client, asked())

    assert (report.fewer_refused.count, report.parted.count) == (1, 1)
    assert report.candidate_profiles == report.profiles + 1
