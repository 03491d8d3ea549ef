"""`idsync history` and `idsync profile --at`: the past in a terminal, and what cannot be asked about it."""

from __future__ import annotations

import pytest
from google.protobuf.json_format import ParseDict

from idsync.client import AsyncClient
from idsync.server.app import App
from idsync.testing.clock import ManualClock
from idsync.v1 import graph_service_pb2 as pb
from idsync.v1 import identity_pb2
from tests.e2e.profiles import login
from tests.e2e.test_grpc_past import rename
from tests.program import Ended, idsync

_DAY_MS = 86_400_000
_NEW_YEAR = "2026-01-01T00:00:00Z"


@pytest.fixture
def database_url() -> str:
    """What a command prints does not depend on the store."""
    return "memory://"


async def _told(app: App, *words: str) -> Ended:
    """Run a command as the shop's input."""
    access = ("--target", app.grpc_address, "--key", "shop-web", "--secret", "shop-secret")
    return await idsync(*words, *access)


async def _moved(client: AsyncClient, clock: ManualClock) -> tuple[int, int]:
    """Let an address go from one to another."""
    first = await login(client, email="a@example.com", ios_idfv="d")
    clock.advance(_DAY_MS)
    await rename(client, first, "a@example.com", "b@example.com")
    clock.advance(_DAY_MS)
    return first, await login(client, email="a@example.com")


async def test_history_tells_holders_from_when_to_when(
    app: App, client: AsyncClient, clock: ManualClock
) -> None:
    first, second = await _moved(client, clock)

    told = await _told(app, "history", "email=a@example.com")
    as_json = await _told(app, "history", "email=a@example.com", "--json")

    assert (told.code, told.err) == (0, "")
    assert told.out.splitlines() == [
        f"mpid        {first}",
        "since       2026-01-01T00:00:00Z, entry 1, login by rule link/new-known",
        "until       2026-01-02T00:00:00Z, entry 2, modify by rule modify/changed",
        "",
        f"mpid        {second}",
        "since       2026-01-03T00:00:00Z, entry 3, login by rule link/new-known",
        "until       now",
    ]
    document = ParseDict(as_json.document, pb.ListHoldersResponse())
    assert [holding.mpid for holding in document.holdings] == [first, second]


async def test_history_goes_on_page_by_page(app: App, client: AsyncClient, clock: ManualClock) -> None:
    """Nothing is cut off in silence."""
    first, second = await _moved(client, clock)

    page = await _told(app, "history", "email=a@example.com", "--limit", "1")
    *_, more = page.out.splitlines()
    rest = await _told(app, "history", "email=a@example.com", "--limit", "1", *more.split()[-2:])

    assert more.startswith("there are more: --page ")
    assert str(first) in page.out
    assert str(second) not in page.out
    assert str(second) in rest.out
    assert "more" not in rest.out


@pytest.mark.parametrize(
    ("then", "holder"),
    [
        (("--at", _NEW_YEAR), 0),
        (("--at", "2026-01-02T09:29+10:00"), 0),
        (("--at", "2026-01-03T00:00Z"), 1),
        (("--at", "2026-01-03T00:00Z", "--known-at", "1"), 0),
        (("--known-at", "3"), 1),
    ],
)
async def test_history_of_a_moment_tells_who_had_it_then(
    app: App, client: AsyncClient, clock: ManualClock, then: tuple[str, ...], holder: int
) -> None:
    """On either clock or both, as they were."""
    mpids = await _moved(client, clock)

    told = await _told(app, "history", "email=a@example.com", *then)

    assert (told.code, told.err) == (0, "")
    assert told.out.splitlines()[0] == f"mpid        {mpids[holder]}"
    assert "email=a@example.com  (since" in told.out
    assert "b@example.com" not in told.out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("email=nobody@example.com",), "nobody ever had email=nobody@example.com\n"),
        (("email=a@example.com", "--at", "2025-12-31T23:59Z"), "nobody had email=a@example.com then\n"),
        (("email=a@example.com", "--known-at", "0"), "nobody had email=a@example.com then\n"),
    ],
)
async def test_history_says_that_there_was_nobody(
    app: App, client: AsyncClient, clock: ManualClock, words: tuple[str, ...], said: str
) -> None:
    await _moved(client, clock)

    told = await _told(app, "history", *words)

    assert (told.code, told.out, told.err) == (0, said, "")


async def test_a_profile_is_told_as_it_was(app: App, client: AsyncClient, clock: ManualClock) -> None:
    first, _ = await _moved(client, clock)

    now = await _told(app, "profile", str(first))
    by_time = await _told(app, "profile", str(first), "--at", "2026-01-01T12:00Z")
    by_position = await _told(app, "profile", str(first), "--known-at", "1")
    as_json = await _told(app, "profile", str(first), "--at", _NEW_YEAR, "--json")

    assert "b@example.com" in now.out
    assert "email=a@example.com  (since 2026-01-01T00:00:00Z, entry 1, rule link/new-known)" in by_time.out
    assert "b@example.com" not in by_time.out
    assert by_position.out == by_time.out
    profile = ParseDict(as_json.document, identity_pb2.Profile())
    assert {r.identity.value for r in profile.identities} == {"a@example.com", "d"}


async def test_an_erased_value_is_told_as_erased(app: App, client: AsyncClient, clock: ManualClock) -> None:
    """ID-212: that there was one is history, what it was is not."""
    first, second = await _moved(client, clock)
    (graph,) = (await app.store.graph_of([second])).values()
    await app.resolver.delete(graph, second)

    told = await _told(app, "profile", str(first), "--at", _NEW_YEAR)

    assert "identity    email (erased)  (since" in told.out
    assert "a@example.com" not in told.out


@pytest.mark.parametrize(
    ("then", "said"),
    [
        (("--at", "2025-12-31T23:59Z"), "there was no such profile yet"),
        (("--at", "2026-01-04T00:00Z"), "time: is in the future"),
        (("--known-at", "4"), "journal_seq: is beyond the last entry, 3"),
    ],
)
async def test_what_the_service_refuses_ends_with_1(
    app: App, client: AsyncClient, clock: ManualClock, then: tuple[str, ...], said: str
) -> None:
    first, _ = await _moved(client, clock)

    told = await _told(app, "profile", str(first), *then)

    assert (told.code, told.out) == (1, "")
    assert said in told.err
