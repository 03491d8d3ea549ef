"""Every row of the table of section 7.3."""

from __future__ import annotations

import pytest

from idsync.model.changes import Outcome
from idsync.model.errors import LookupFailedError, NotFoundError
from idsync.model.request import Operation
from tests.strategies.graph import EITHER, IDENTIFY, LOGIN, LOGOUT, SEARCH, C, E, Graph, R, V, Values


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


async def test_no_match_and_no_login_id_creates_an_anonymous_profile(graph: Graph) -> None:
    """Row 3."""
    answer = await graph.call(IDENTIFY, {V: "v"})

    assert (answer.outcome, answer.rule) == (Outcome.CREATED, "link/new-anonymous")
    assert not answer.is_logged_in


@pytest.mark.parametrize("device", ["known to the graph", "new"])
async def test_login_without_login_id_is_refused(graph: Graph, device: str) -> None:
    """Row 4 (ID-082): whatever matches, and without a trace (ID-041)."""
    await graph.given({V: "known to the graph"})
    before = await graph.size()

    with pytest.raises(LookupFailedError) as refusal:
        await graph.call(LOGIN, {V: device})

    assert refusal.value.reason == "LOOKUP_ERROR"
    assert await graph.size() == before


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


async def test_search_returns_what_identify_would_return(graph: Graph) -> None:
    """Row 8: a known match; an anonymous one if the request has no login ID."""
    known, anonymous = await graph.given({C: "c"}), await graph.given({V: "v"})
    before = await graph.size()

    found = [await graph.call(SEARCH, {C: "c", R: "r"}), await graph.call(SEARCH, {V: "v", R: "r"})]

    assert [answer.mpid for answer in found] == [known, anonymous]
    assert await graph.size() == before


@pytest.mark.parametrize("values", [{C: "new", V: "v"}, {C: "new"}, {R: "new"}])
async def test_search_finds_nothing_where_identify_would_create(graph: Graph, values: Values) -> None:
    """Row 9 (ID-085)."""
    await graph.given({V: "v"})
    before = await graph.size()

    with pytest.raises(NotFoundError):
        await graph.call(SEARCH, values)

    assert await graph.size() == before


async def test_login_ids_that_cannot_be_had_count_as_none() -> None:
    """Rule ID-123: the email belongs to a profile that only its customer ID opens."""
    graph = Graph("profile_link", login=[C, E], immutable=[C])
    await graph.given({C: "c", E: "e"})
    anonymous = await graph.given({V: "v"})

    answer = await graph.call(LOGIN, {E: "e", V: "v"})

    assert (answer.mpid, answer.rule) == (anonymous, "link/anonymous")
