"""Every row of the table of section 7.1, which holds for `default` unchanged (ID-110)."""

from __future__ import annotations

import pytest

from idsync.model.changes import Outcome
from idsync.model.errors import NotFoundError
from idsync.model.request import Operation
from tests.strategies.graph import EITHER, LOGOUT, SEARCH, C, E, Graph, R, V


@pytest.fixture(params=["profile_conversion", "default"])
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def graph(name: str) -> Graph:
    return Graph(name, login=[C])


@pytest.mark.parametrize("operation", EITHER)
async def test_known_match_is_returned_and_absorbs(graph: Graph, name: str, operation: Operation) -> None:
    """Row 1 (ID-070)."""
    known = await graph.given({C: "c", V: "v"})

    answer = await graph.call(operation, {C: "c", R: "r"})

    assert (answer.mpid, answer.is_logged_in, answer.rule) == (
        known,
        True,
        f"{name.removeprefix('profile_')}/known",
    )
    assert await graph.record(known) == {C: "c", V: "v", R: "r"}


@pytest.mark.parametrize("operation", EITHER)
async def test_anonymous_match_absorbs_and_stays_anonymous(
    graph: Graph, name: str, operation: Operation
) -> None:
    """Row 2; for login see ID-082."""
    anonymous = await graph.given({V: "v"})

    answer = await graph.call(operation, {V: "v", E: "e"})

    assert (answer.mpid, answer.is_logged_in, answer.rule) == (
        anonymous,
        False,
        f"{name.removeprefix('profile_')}/anonymous",
    )
    assert answer.is_ephemeral
    assert await graph.record(anonymous) == {V: "v", E: "e"}


@pytest.mark.parametrize("operation", EITHER)
async def test_new_login_id_makes_the_anonymous_match_known(
    graph: Graph, name: str, operation: Operation
) -> None:
    """Row 3 (ID-101)."""
    anonymous = await graph.given({V: "v"})

    answer = await graph.call(operation, {C: "c", V: "v"})

    assert (answer.mpid, answer.is_logged_in, answer.rule) == (
        anonymous,
        True,
        f"{name.removeprefix('profile_')}/converted",
    )
    assert answer.outcome is Outcome.CONVERTED
    assert await graph.record(anonymous) == {C: "c", V: "v"}


@pytest.mark.parametrize("operation", EITHER)
async def test_no_match_and_no_login_id_creates_an_anonymous_profile(
    graph: Graph, name: str, operation: Operation
) -> None:
    """Row 4 (ID-066); a known profile on the device is no match (ID-050)."""
    known = await graph.given({C: "c", V: "v"})

    answer = await graph.call(operation, {V: "v"})

    assert answer.mpid != known
    assert (answer.outcome, answer.rule) == (
        Outcome.CREATED,
        f"{name.removeprefix('profile_')}/new-anonymous",
    )
    assert not answer.is_logged_in
    assert await graph.record(answer.mpid) == {V: "v"}


@pytest.mark.parametrize("operation", EITHER)
async def test_no_match_and_a_new_login_id_creates_a_known_profile(
    graph: Graph, name: str, operation: Operation
) -> None:
    """Row 5 (ID-102)."""
    answer = await graph.call(operation, {C: "c", V: "v"})

    assert (answer.outcome, answer.rule) == (Outcome.CREATED, f"{name.removeprefix('profile_')}/new-known")
    assert answer.is_logged_in
    assert not answer.is_ephemeral
    assert await graph.record(answer.mpid) == {C: "c", V: "v"}


async def test_logout_creates_an_anonymous_profile_even_if_one_exists(graph: Graph, name: str) -> None:
    """Row 6 (ID-084, ID-103); the login ID is left out, and the known profile keeps the device."""
    anonymous = await graph.given({V: "v"})
    known = await graph.given({C: "c", R: "r"})

    answer = await graph.call(LOGOUT, {C: "c", V: "v"})

    assert answer.mpid not in {anonymous, known}
    assert (answer.outcome, answer.rule) == (Outcome.CREATED, f"{name.removeprefix('profile_')}/logout")
    assert not answer.is_logged_in
    assert await graph.record(answer.mpid) == {V: "v"}
    assert await graph.record(known) == {C: "c", R: "r"}


async def test_search_returns_a_match_unchanged(graph: Graph) -> None:
    """Row 7 (ID-085): known by its login ID, anonymous even beside a new one."""
    known, anonymous = await graph.given({C: "c"}), await graph.given({V: "v"})
    before = await graph.size()

    found = [await graph.call(SEARCH, {C: "c", R: "r"}), await graph.call(SEARCH, {C: "new", V: "v"})]

    assert [(answer.mpid, answer.is_logged_in) for answer in found] == [(known, True), (anonymous, False)]
    assert await graph.size() == before


async def test_search_without_match_finds_nothing(graph: Graph) -> None:
    """Row 8 (ID-087)."""
    await graph.given({C: "c", V: "v"})
    before = await graph.size()

    with pytest.raises(NotFoundError):
        await graph.call(SEARCH, {V: "v"})

    assert await graph.size() == before
