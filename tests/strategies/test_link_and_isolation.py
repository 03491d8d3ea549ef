"""Rows in which the tables of sections 7.3 and 7.4 agree, for link and for isolation."""

from __future__ import annotations

import pytest

from idsync.model.changes import Outcome
from idsync.model.errors import LookupFailedError, NotFoundError
from tests.strategies.graph import IDENTIFY, LOGIN, SEARCH, C, E, Graph, R, V, Values


@pytest.fixture(params=["link", "isolation"])
def name(request: pytest.FixtureRequest) -> str:
    """The first part of the strategy's rules."""
    return str(request.param)


@pytest.fixture
def graph(name: str) -> Graph:
    return Graph(f"profile_{name}", login=[C, E])


async def test_no_match_and_no_login_id_creates_an_anonymous_profile(graph: Graph, name: str) -> None:
    """Row 3."""
    answer = await graph.call(IDENTIFY, {V: "v"})

    assert (answer.outcome, answer.rule) == (Outcome.CREATED, f"{name}/new-anonymous")
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


async def test_search_returns_what_identify_would_return(graph: Graph) -> None:
    """Row 8: a known match; an anonymous one if the request has no login ID."""
    known, anonymous = await graph.given({C: "c"}), await graph.given({V: "v"})
    before = await graph.size()

    found = [
        await graph.call(SEARCH, values) for values in ({C: "c", R: "r"}, {C: "c", V: "v"}, {V: "v", R: "r"})
    ]

    assert [answer.mpid for answer in found] == [known, known, anonymous]
    assert await graph.size() == before


@pytest.mark.parametrize("values", [{C: "new", V: "v"}, {C: "new"}, {R: "new"}])
async def test_search_finds_nothing_where_identify_would_create(graph: Graph, values: Values) -> None:
    """Row 9 of link, row 8 of isolation (ID-085)."""
    await graph.given({V: "v"})
    before = await graph.size()

    with pytest.raises(NotFoundError):
        await graph.call(SEARCH, values)

    assert await graph.size() == before


async def test_login_ids_that_cannot_be_had_count_as_none(name: str) -> None:
    """Rule ID-123: the email belongs to a profile that only its customer ID opens."""
    graph = Graph(f"profile_{name}", login=[C, E], immutable=[C])
    await graph.given({C: "c", E: "e"})
    anonymous = await graph.given({V: "v"})

    answer = await graph.call(LOGIN, {E: "e", V: "v"})

    assert (answer.mpid, answer.rule) == (anonymous, f"{name}/anonymous")
