"""What callers are told when the database is away, and what became of what they wrote."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator

import asyncpg
import pytest

from idsync.model.changes import Applied
from idsync.model.errors import UnavailableError
from idsync.model.journal import NEW
from idsync.store.postgres import database
from idsync.store.postgres.commit import Written
from idsync.store.postgres.opening import open_store
from idsync.store.postgres.store import PostgresStore
from idsync.testing.clock import ManualClock
from idsync.testing.scribe import Scribe
from idsync.testing.store_checks.people import DEVICE, MAIL
from idsync.testing.store_checks.versions import first_version
from tests.unit.store.postgres.severing import Cut, Line, line_to

pytestmark = pytest.mark.postgres

COMMIT = b"COMMIT\0"


@pytest.fixture
async def line(postgres_url: str) -> AsyncIterator[Line]:
    """A line that can be cut."""
    async with line_to(postgres_url) as laid:
        yield laid


@pytest.fixture
async def far_store(line: Line) -> AsyncIterator[PostgresStore]:
    """A store at the other end of it."""
    opened = await open_store(line.url, clock=ManualClock())
    yield opened
    await opened.close()


@pytest.mark.parametrize("word", [b"BEGIN", b"FOR NO KEY UPDATE", b"INSERT INTO journal"])
@pytest.mark.parametrize("when", list(Cut))
async def test_what_was_not_committed_did_not_happen(
    far_store: PostgresStore, line: Line, word: bytes, when: Cut
) -> None:
    """The caller is told so, and the next call finds the database again."""
    scribe = Scribe(far_store)
    creation = await scribe.prepare(NEW, *scribe.creation(DEVICE), identities=[DEVICE])
    line.cut_at(word, when)

    with pytest.raises(UnavailableError):
        await far_store.apply([creation])
    after = (await scribe.holders(DEVICE), await scribe.journal())

    assert line.cuts == 1
    assert after == ([], [])
    assert isinstance((await scribe.apply(creation))[0], Applied)


async def test_a_commit_whose_answer_is_lost_is_found_out(far_store: PostgresStore, line: Line) -> None:
    """It happened, once, and the caller is told so."""
    scribe = Scribe(far_store)
    creation = await scribe.prepare(NEW, *scribe.creation(DEVICE), identities=[DEVICE])
    line.cut_at(COMMIT, Cut.AFTER)

    [result] = await far_store.apply([creation])

    assert line.cuts == 1
    assert isinstance(result, Applied)
    assert await scribe.holders(DEVICE) == [result.mpid]
    assert [entry.mpid for entry in await scribe.journal()] == [result.mpid]


async def test_a_commit_that_never_arrived_is_found_out(far_store: PostgresStore, line: Line) -> None:
    """Nothing is said before the database was asked."""
    scribe = Scribe(far_store)
    await scribe.create(MAIL)
    creation = await scribe.prepare(NEW, *scribe.creation(DEVICE), identities=[DEVICE])
    line.cut_at(COMMIT, Cut.BEFORE)

    with pytest.raises(UnavailableError, match="nothing was changed"):
        await far_store.apply([creation])

    assert line.cuts == 1
    assert await scribe.holders(DEVICE) == []
    assert len(await scribe.journal()) == 1


async def test_somebody_elses_entry_is_not_taken_for_ours(
    far_store: PostgresStore, line: Line, other_store: PostgresStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another node has taken the position before the outcome is looked for: the mark tells them apart."""
    ours, theirs = Scribe(far_store), Scribe(other_store)
    await ours.create(MAIL)
    creation = await ours.prepare(NEW, *ours.creation(DEVICE), identities=[DEVICE])
    line.cut_at(COMMIT, Cut.BEFORE)
    looks_up = far_store._was_committed

    async def later(written: Written) -> bool:
        await theirs.create(MAIL)
        return await looks_up(written)

    monkeypatch.setattr(far_store, "_was_committed", later)

    with pytest.raises(UnavailableError, match="nothing was changed"):
        await far_store.apply([creation])

    assert await ours.holders(DEVICE) == []
    assert len(await ours.journal()) == 2


async def test_an_outcome_that_cannot_be_found_out_is_not_made_up(
    far_store: PostgresStore, line: Line
) -> None:
    scribe = Scribe(far_store)
    creation = await scribe.prepare(NEW, *scribe.creation(DEVICE), identities=[DEVICE])
    line.cut_at(COMMIT, Cut.AFTER, stay_down=True)

    with pytest.raises(UnavailableError):
        await far_store.apply([creation])
    with pytest.raises(UnavailableError):
        await scribe.holders(DEVICE)
    line.is_down = False
    # the server has what was sent, and carries it out in its own time
    async with asyncio.timeout(30):
        while not (after := await scribe.holders(DEVICE)):
            pass

    assert len(after) == 1
    assert [entry.mpid for entry in await scribe.journal()] == after


async def test_reading_and_inspection_say_that_the_database_is_away(
    far_store: PostgresStore, line: Line
) -> None:
    scribe = Scribe(far_store)
    mpid = await scribe.create(DEVICE)
    await far_store.profiles(scribe.graph, [mpid])
    line.is_down = True
    line.cut_now()

    reads = [
        scribe.holders(DEVICE),
        far_store.profiles(scribe.graph, [mpid]),
        far_store.graph_of([mpid]),
        far_store.find_profiles(scribe.graph, DEVICE, 1),
        far_store.links_of(scribe.graph, DEVICE, 1),
        far_store.pending_aliases(0, 1),
        far_store.inactive_profiles(scribe.graph, 0, 1),
        far_store.shared_values(scribe.graph, 1, 1),
        far_store.graphs(),
        far_store.entries(scribe.graph, 0, 1),
        far_store.entries_at(scribe.graph, [1]),
        far_store.entries_of_request(scribe.graph, "r", 1),
        far_store.count_shared(scribe.graph, 1),
        far_store.versions(),
        far_store.add_version(first_version()),
        far_store.withdraw_version("retail", 1, 0, "Ann", ""),
        far_store.mark_version("retail", 1, taken_ms=0),
        anext(aiter(far_store.changes(scribe.graph, 0))),
    ]
    said = [await asyncio.gather(read, return_exceptions=True) for read in reads]
    line.is_down = False

    assert {type(each) for [each] in said} == {UnavailableError}
    assert all(each.retry_delay_s > 0 for [each] in said if isinstance(each, UnavailableError))
    assert not any("secret" in str(each) or "127.0.0.1" in str(each) for [each] in said)
    assert await scribe.holders(DEVICE) == [mpid]
    assert list(await far_store.profiles(scribe.graph, [mpid])) == [mpid]


async def test_a_server_that_only_reads_is_not_written_to(store: PostgresStore, postgres_url: str) -> None:
    """As after a failover: the connection still stands, but leads to a server that is no leader any more."""
    scribe = Scribe(store)
    creation = await scribe.prepare(NEW, *scribe.creation(DEVICE), identities=[DEVICE])
    name = postgres_url.rpartition("/")[2]
    admin = await asyncpg.connect(postgres_url)
    async with store._database.connection() as lent:
        await lent.execute("SET default_transaction_read_only = on")
    await admin.execute(f"ALTER DATABASE {name} SET default_transaction_read_only = on")
    try:
        with pytest.raises(UnavailableError, match="only reads"):
            await store.apply([creation])
        with pytest.raises(UnavailableError, match="takes writes"):
            await store.apply([creation])
    finally:
        await admin.execute("SET default_transaction_read_only = off")
        await admin.execute(f"ALTER DATABASE {name} RESET default_transaction_read_only")
        await admin.close()

    assert isinstance((await store.apply([creation]))[0], Applied)


async def test_whoever_waits_too_long_for_others_is_told(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A node that hangs in the middle of a commit holds its graph: the calls of others end in time."""
    monkeypatch.setattr(database, "STATEMENT_TIMEOUT_S", 0.3)
    impatient = await open_store(postgres_url, clock=ManualClock())
    scribe = Scribe(impatient)
    await scribe.create(MAIL)
    creation = await scribe.prepare(NEW, *scribe.creation(DEVICE), identities=[DEVICE])
    hanging = await asyncpg.connect(postgres_url)
    try:
        async with hanging.transaction():
            await hanging.execute("SELECT FROM graph FOR UPDATE")
            with pytest.raises(UnavailableError, match="in time"):
                await impatient.apply([creation])
            seen = await scribe.holders(MAIL)
    finally:
        await hanging.close()

    assert len(seen) == 1
    assert isinstance((await impatient.apply([creation]))[0], Applied)
    await impatient.close()


async def test_a_name_that_another_node_gave_is_not_given_again(
    store: PostgresStore, other_store: PostgresStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two nodes may meet in the random bits of one millisecond; the caller notices nothing (ID-007)."""
    mpid = await Scribe(other_store).create(DEVICE)
    names: Iterator[int] = iter([mpid, mpid, mpid + 1])
    monkeypatch.setattr(store._mint, "next", lambda: next(names))

    given = await Scribe(store).create(MAIL)

    assert given == mpid + 1
    assert len(await Scribe(store).journal()) == 2


@pytest.mark.parametrize("state", ["40001", "40P01"])
async def test_a_transaction_that_the_database_undid_is_taken_again(
    store: PostgresStore, postgres_url: str, state: str
) -> None:
    admin = await asyncpg.connect(postgres_url)
    await admin.execute(
        "CREATE SEQUENCE tries; CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        f"IF nextval('tries') < 3 THEN RAISE EXCEPTION 'no' USING ERRCODE = '{state}'; END IF; "
        "RETURN NEW; END $$; "
        "CREATE TRIGGER refusing BEFORE INSERT ON journal FOR EACH ROW EXECUTE FUNCTION refuse()"
    )
    try:
        mpid = await Scribe(store).create(DEVICE)
    finally:
        await admin.execute("DROP FUNCTION refuse CASCADE; DROP SEQUENCE tries")
        await admin.close()

    assert await Scribe(store).holders(DEVICE) == [mpid]
    assert len(await Scribe(store).journal()) == 1


async def test_nodes_that_bring_the_same_settings_at_once_record_them_once(
    store: PostgresStore, other_store: PostgresStore
) -> None:
    added = await asyncio.gather(*(node.add_version(first_version()) for node in (store, other_store) * 3))

    assert added.count(True) == 1
    assert await other_store.versions() == [first_version()]


async def test_a_request_id_may_hold_anything(store: PostgresStore) -> None:
    """Text columns of PostgreSQL cannot hold NUL; a caller may send it, and finds it again (ID-042)."""
    scribe = Scribe(store)
    strange = ["\0", "\x1b", "\x1b0", "\x1b1", "\0\x1b\0", "caf\u00e9\0"]
    for text in strange:
        await scribe.create(request_id=text, input_id=text, idempotency_key=text)

    entries = await scribe.journal()

    assert [(e.request_id, e.input_id, e.idempotency_key) for e in entries] == [(t, t, t) for t in strange]
    for text in strange:
        assert [e.request_id for e in await store.entries_of_request(scribe.graph, text, 9)] == [text]
        assert (await scribe.earlier(text, text)) is not None
