"""Every row of the table of section 7.3, but those of `test_link_and_isolation`."""

from __future__ import annotations

import pytest

from idsync.model.changes import Outcome
from idsync.model.request import Operation
from tests.strategies.graph import EITHER, IDENTIFY, LOGIN, LOGOUT, C, E, Graph, R, V


@pytest.fixture
def graph() -> Graph:
    return Graph("profile_link", login=[C, E])


@pytest.mark.parametrize("operation", EITHER)
async def test_known_match_is_returned_and_absorbs(graph: Graph, operation: Operation) -> None:
    """Row 1; a login ID that is new beside one that matches is added, not split off (ID-121)."""
    known = await graph.given({C: "c", V: "v"})

    answer = await graph.call(operation, {C: "c", E: "e", R: "r"})

    assert (answer.mpid, answer.rule) == (known, "link/known")
    assert await graph.record(known) == {C: "c", E: "e", V: "v", R: "r"}


async def test_anonymous_match_is_returned_and_absorbs(graph: Graph) -> None:
    """Row 2."""
    anonymous = await graph.given({V: "v"})

    answer = await graph.call(IDENTIFY, {V: "v", R: "r"})

    assert (answer.mpid, answer.rule) == (anonymous, "link/anonymous")
    assert answer.is_ephemeral
    assert await graph.record(anonymous) == {V: "v", R: "r"}


@pytest.mark.parametrize("operation", EITHER)
async def test_new_login_id_on_an_anonymous_device_creates_a_known_profile(
    graph: Graph, operation: Operation
) -> None:
    """Row 5 (ID-121, ID-122): with all identities of the request; the source is the match."""
    anonymous = await graph.given({V: "v"})

    answer = await graph.call(operation, {C: "c", V: "v"})

    assert (answer.outcome, answer.rule) == (Outcome.CREATED, "link/new-known")
    assert answer.is_logged_in
    assert await graph.record(answer.mpid) == {C: "c", V: "v"}
    assert await graph.record(anonymous) == {V: "v"}
    assert await graph.source(answer.mpid) == anonymous


async def test_previous_anonymous_profile_is_the_source_before_the_match(graph: Graph) -> None:
    """Row 5 (ID-122)."""
    previous, _ = await graph.given({R: "r"}), await graph.given({V: "v"})

    answer = await graph.call(LOGIN, {C: "c", V: "v"}, previous)

    assert await graph.source(answer.mpid) == previous


async def test_previous_known_profile_is_no_source(graph: Graph) -> None:
    """Row 5 (ID-122): then the match is."""
    known, anonymous = await graph.given({C: "other"}), await graph.given({V: "v"})

    answer = await graph.call(LOGIN, {C: "c", V: "v"}, known)

    assert await graph.source(answer.mpid) == anonymous


@pytest.mark.parametrize("operation", EITHER)
async def test_new_login_id_without_match_creates_a_known_profile(graph: Graph, operation: Operation) -> None:
    """Row 6: without a source, or with the previous anonymous profile as source."""
    previous = await graph.given({R: "r"})

    alone = await graph.call(operation, {C: "c1", V: "v1"})
    after = await graph.call(operation, {C: "c2", V: "v2"}, previous)

    assert [alone.rule, after.rule] == ["link/new-known"] * 2
    assert await graph.source(alone.mpid) is None
    assert await graph.source(after.mpid) == previous


async def test_every_logout_creates_an_anonymous_profile(graph: Graph) -> None:
    """Row 7 (ID-084, ID-124)."""
    await graph.given({V: "v"})

    first, second = await graph.call(LOGOUT, {C: "c", V: "v"}), await graph.call(LOGOUT, {V: "v"})

    assert first.mpid != second.mpid
    assert [first.rule, second.rule] == ["link/logout"] * 2
    assert await graph.record(first.mpid) == {V: "v"}
