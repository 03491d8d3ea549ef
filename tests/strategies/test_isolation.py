"""Every row of the table of section 7.4."""

from __future__ import annotations

import pytest

from idsync.model.changes import Outcome
from idsync.model.errors import LookupFailedError, NotFoundError
from idsync.model.request import Operation
from tests.strategies.graph import EITHER, IDENTIFY, LOGIN, LOGOUT, SEARCH, C, E, Graph, R, V, Values


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


async def test_no_match_and_no_login_id_creates_an_anonymous_profile(graph: Graph) -> None:
    """Row 3."""
    answer = await graph.call(IDENTIFY, {V: "v"})

    assert (answer.outcome, answer.rule) == (Outcome.CREATED, "isolation/new-anonymous")


@pytest.mark.parametrize("device", ["known to the graph", "new"])
async def test_login_without_login_id_is_refused(graph: Graph, device: str) -> None:
    """Row 4 (ID-082)."""
    await graph.given({V: "known to the graph"})
    before = await graph.size()

    with pytest.raises(LookupFailedError):
        await graph.call(LOGIN, {V: device})

    assert await graph.size() == before


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


async def test_search_returns_what_identify_would_return(graph: Graph) -> None:
    """Row 8, as for link."""
    known, anonymous = await graph.given({C: "c"}), await graph.given({V: "v"})
    before = await graph.size()

    found = [await graph.call(SEARCH, {C: "c", V: "v"}), await graph.call(SEARCH, {V: "v", R: "r"})]

    assert [answer.mpid for answer in found] == [known, anonymous]
    assert await graph.size() == before


@pytest.mark.parametrize("values", [{C: "new", V: "v"}, {C: "new"}, {R: "new"}])
async def test_search_finds_nothing_where_identify_would_create(graph: Graph, values: Values) -> None:
    """Row 8, as for link (ID-085)."""
    await graph.given({V: "v"})
    before = await graph.size()

    with pytest.raises(NotFoundError):
        await graph.call(SEARCH, values)

    assert await graph.size() == before


async def test_login_ids_that_cannot_be_had_count_as_none() -> None:
    """Rule ID-123 holds here too."""
    graph = Graph("profile_isolation", login=[C, E], immutable=[C])
    await graph.given({C: "c", E: "e"})
    anonymous = await graph.given({V: "v"})

    answer = await graph.call(LOGIN, {E: "e", V: "v"})

    assert (answer.mpid, answer.rule) == (anonymous, "isolation/anonymous")
