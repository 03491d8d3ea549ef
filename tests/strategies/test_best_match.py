"""Every row of the table of section 7.5."""

from __future__ import annotations

import pytest

from idsync.model.changes import Outcome
from idsync.model.errors import NotFoundError
from idsync.model.request import Operation
from tests.strategies.graph import IDENTIFY, LOGIN, LOGOUT, SEARCH, E, Graph, R, V

WRITING = (IDENTIFY, LOGIN, LOGOUT)
"""Login and logout are an identify here (ID-142)."""


@pytest.fixture
def graph() -> Graph:
    return Graph("best_match")


@pytest.mark.parametrize("operation", WRITING)
async def test_match_is_returned_and_absorbs(graph: Graph, operation: Operation) -> None:
    """Row 1 (ID-140): neither known nor ephemeral (ID-173)."""
    profile = await graph.given({E: "e"})

    answer = await graph.call(operation, {E: "e", V: "v"})

    assert (answer.mpid, answer.rule) == (profile, "best-match/match")
    assert (answer.is_logged_in, answer.is_ephemeral) == (False, False)
    assert await graph.record(profile) == {E: "e", V: "v"}


@pytest.mark.parametrize("operation", WRITING)
async def test_without_match_a_profile_is_created(graph: Graph, operation: Operation) -> None:
    """Row 2: even logout keeps everything, as there are no login IDs."""
    answer = await graph.call(operation, {E: "e", V: "v"})

    assert (answer.outcome, answer.rule) == (Outcome.CREATED, "best-match/new")
    assert await graph.record(answer.mpid) == {E: "e", V: "v"}


async def test_search_returns_the_match_unchanged(graph: Graph) -> None:
    """Row 3."""
    profile = await graph.given({E: "e"})

    answer = await graph.call(SEARCH, {E: "e", V: "v"})

    assert answer.mpid == profile
    assert await graph.record(profile) == {E: "e"}


async def test_search_without_match_finds_nothing(graph: Graph) -> None:
    """Row 3 (ID-087)."""
    with pytest.raises(NotFoundError):
        await graph.call(SEARCH, {R: "r"})

    assert await graph.size() == 0
