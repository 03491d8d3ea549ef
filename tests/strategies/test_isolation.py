"""Every row of the table of section 7.4, but those of `test_link_and_isolation`."""

from __future__ import annotations

import pytest

from idsync.model.changes import Outcome
from idsync.model.request import Operation
from tests.strategies.graph import EITHER, IDENTIFY, LOGIN, LOGOUT, C, E, Graph, R, V


@pytest.fixture
def graph() -> Graph:
    return Graph("profile_isolation", login=[C, E])


@pytest.mark.parametrize("operation", EITHER)
async def test_known_match_is_returned_whatever_the_device(graph: Graph, operation: Operation) -> None:
    """Row 1: the device's anonymous profile stays as it is."""
    known, anonymous = await graph.given({C: "c"}), await graph.given({V: "v"})

    answer = await graph.call(operation, {C: "c", V: "v"})

    assert (answer.mpid, answer.rule) == (known, "isolation/known")
    assert await graph.record(known) == {C: "c", V: "v"}
    assert await graph.record(anonymous) == {V: "v"}


async def test_anonymous_match_is_returned_and_absorbs(graph: Graph) -> None:
    """Row 2; never ephemeral (ID-173)."""
    anonymous = await graph.given({V: "v"})

    answer = await graph.call(IDENTIFY, {V: "v", R: "r"})

    assert (answer.mpid, answer.rule) == (anonymous, "isolation/anonymous")
    assert not answer.is_ephemeral
    assert await graph.record(anonymous) == {V: "v", R: "r"}


@pytest.mark.parametrize("operation", EITHER)
@pytest.mark.parametrize("device", ["anonymous", "new"])
async def test_new_login_id_creates_a_known_profile_without_source(
    graph: Graph, operation: Operation, device: str
) -> None:
    """Row 5 (ID-131), not even with a previous profile."""
    anonymous = await graph.given({V: "anonymous"})

    answer = await graph.call(operation, {C: "c", V: device}, anonymous)

    assert (answer.outcome, answer.rule) == (Outcome.CREATED, "isolation/new-known")
    assert await graph.record(answer.mpid) == {C: "c", V: device}
    assert await graph.source(answer.mpid) is None
    assert await graph.record(anonymous) == {V: "anonymous"}


async def test_logout_returns_to_the_anonymous_profile_of_the_device(graph: Graph) -> None:
    """Row 6 (ID-132): absorbing what is new, login IDs apart (ID-084)."""
    anonymous = await graph.given({V: "v"})
    await graph.call(LOGIN, {C: "c", V: "v"})

    answer = await graph.call(LOGOUT, {C: "c", V: "v", R: "r"})

    assert (answer.mpid, answer.rule) == (anonymous, "isolation/logout")
    assert await graph.record(anonymous) == {V: "v", R: "r"}


async def test_logout_without_anonymous_profile_creates_the_one_to_return_to(graph: Graph) -> None:
    """Row 7 (ID-133)."""
    known = await graph.given({C: "c", V: "v"})

    first, second = await graph.call(LOGOUT, {V: "v"}), await graph.call(LOGOUT, {V: "v"})

    assert first.rule == "isolation/logout-new"
    assert first.mpid == second.mpid != known
