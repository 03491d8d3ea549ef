"""A birth amounts to what the fold makes of its entry, in whatever form it is needed."""

from __future__ import annotations

import asyncio
import sqlite3
import tempfile
from dataclasses import astuple
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from idsync.model.changes import ChangeSet
from idsync.model.identity import Environment, GraphKey, Identity, IdentityType
from idsync.model.journal import NEW, Change, ChangeKind, Evidence
from idsync.model.notice import Notice, NoticeReason
from idsync.store.birth import Birth, birth_of
from idsync.store.codec import pack, to_stored
from idsync.store.embedded.folding import Folder
from idsync.store.embedded.group import Group, NewIdentity
from idsync.store.embedded.log import Log, log_path
from idsync.store.embedded.newborns import Newborn, grown_up
from idsync.store.memory import MemoryStore
from idsync.store.memory_graph import MemoryGraph
from idsync.store.rows import IdentityRow, StoredChange, StoredEntry, StoredEvidence
from idsync.store.sql.schema_state import require_current
from idsync.testing.clock import ManualClock
from idsync.testing.scribe import Scribe
from idsync.testing.store_checks.people import CUSTOMER, DEVICE, MAIL

MPID, SEQ, AT_MS, FIRST_ID = 1 << 40, 7, 1_700_000_000_000, 41
KEY = GraphKey("retail", Environment.PRODUCTION)
NOTICES = st.lists(
    st.builds(Notice, st.sampled_from(IdentityType), st.sampled_from(NoticeReason), st.just(0)), max_size=2
)


@st.composite
def change_sets(draw: st.DrawFn) -> ChangeSet:
    """Give a change set that creates somebody out of values that nobody had."""
    types = draw(st.lists(st.sampled_from(IdentityType), unique=True, max_size=5))
    identities = tuple(Identity(t, draw(st.text(min_size=1, max_size=9))) for t in types)
    source = draw(st.one_of(st.none(), st.just(5)))
    changes = [Change(ChangeKind.PROFILE_CREATED, NEW, other=source)]
    changes += [Change(ChangeKind.IDENTITY_ADDED, NEW, identity) for identity in identities]
    if draw(st.booleans()):
        changes.append(Change(ChangeKind.BECAME_KNOWN, NEW))
    return ChangeSet(
        KEY,
        NEW,
        asyncio.run(Scribe(MemoryStore(clock=ManualClock()), KEY).look(*identities)),
        "login",
        "default/new",
        tuple(changes),
        dict.fromkeys(identities, 0),
        evidence=Evidence(identities, (), None, draw(st.integers(0, 3)), source, tuple(draw(NOTICES))),
        request_id=draw(st.text(max_size=3)),
        input_id="shop/web",
    )


def _birth(change_set: ChangeSet) -> Birth:
    birth = birth_of(change_set, SEQ, AT_MS, MPID, FIRST_ID)
    assert birth is not None
    return birth


@given(change_sets())
def test_its_entry_is_that_of_the_change_set(change_set: ChangeSet) -> None:
    """In the journal and in the log nobody can tell the difference."""
    birth = _birth(change_set)
    ids = dict(zip(change_set.evidence.asked, range(FIRST_ID, 100), strict=False))

    entry = to_stored(change_set, SEQ, AT_MS, MPID, ids.__getitem__)

    assert birth.entry() == entry
    assert orjson.dumps(birth.body()) == orjson.dumps(pack(entry)[7:9])


@given(change_sets())
def test_its_nodes_are_what_the_fold_makes_of_its_entry(change_set: ChangeSet) -> None:
    """The fold is what everybody else goes by."""
    birth = _birth(change_set)
    graph = MemoryGraph()
    for number, kind, value in zip(birth.ids, birth.types, birth.values, strict=True):
        graph.identities[number] = IdentityRow(number, kind, value)
    graph.append(birth.entry())

    profile, identities = grown_up(Newborn(birth, group=3))

    row = graph.profiles[MPID]
    assert astuple(profile)[: len(astuple(row))] == astuple(row)
    assert profile.links == graph.links
    assert [astuple(node)[:4] for node in identities] == [astuple(row) for row in graph.identities.values()]
    assert {profile.group, *(node.group for node in identities)} == {3}


@given(st.lists(change_sets(), min_size=1, max_size=4))
def test_its_rows_are_what_the_fold_makes_of_its_entry(changes: list[ChangeSet]) -> None:
    """Two files, one written from births, the other from their entries: not a row of them differs."""
    births: list[Birth] = []
    for number, change_set in enumerate(changes):
        first = FIRST_ID + 10 * number
        birth = birth_of(change_set, SEQ + number, AT_MS, MPID + number, first)
        assert birth is not None
        # a value is introduced once
        births.append(birth._replace(values=tuple(f"{number} {value}" for value in birth.values)))
    born, told = _groups()
    born.entries += [(1, birth) for birth in births]
    told.entries += [(1, birth.entry()) for birth in births]
    told.identities += [
        NewIdentity(1, number, kind, value)
        for birth in births
        for number, kind, value in zip(birth.ids, birth.types, birth.values, strict=True)
    ]

    assert _folded(born) == _folded(told)


def test_a_value_that_was_erased_may_be_born_again() -> None:
    """ID-212: within one fold, where the value's row is still there."""
    first = Birth(1, AT_MS, "login", "rule", "", "shop/web", 11, None, 1, (8,), ("mail",), True, 0, None, ())
    erased = StoredEntry(
        2,
        AT_MS,
        "erase",
        "rule",
        "",
        "",
        11,
        (StoredChange(ChangeKind.PROFILE_ERASED, 11),),
        StoredEvidence(),
    )
    again = first._replace(seq=3, mpid=12, first_id=2)
    born, told = _groups()
    born.entries += [(1, first), (1, erased), (1, again)]
    told.entries += [(1, first.entry()), (1, erased), (1, again.entry())]
    told.identities += [NewIdentity(1, number, 8, "mail") for number in (1, 2)]

    rows = _folded(born)

    assert rows == _folded(told)
    assert [value for _, _, _, _, value, *_ in rows["identity"]] == [None, b"mail"]


def _groups() -> tuple[Group, Group]:
    loop = asyncio.new_event_loop()
    groups = Group(1, loop.create_future()), Group(1, loop.create_future())
    loop.close()
    for group in groups:
        group.graphs.append((1, KEY))
    return groups


def _folded(group: Group) -> dict[str, list[tuple[Any, ...]]]:
    """Give every row of a database that one group was folded into."""
    with tempfile.TemporaryDirectory() as folder:
        database = Path(folder) / "graph.db"
        require_current(database)
        log = Log(log_path(database))
        log.append(group.body()).result(30)
        assert log.close()
        folder_ = Folder(database)
        folder_.run()
        folder_.close()
        connection = sqlite3.connect(database)
        try:
            names = [
                name
                for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type='table'")
                # links of the chain rest on chance
                if name != "seal"
            ]
            return {name: sorted(connection.execute(f"SELECT * FROM {name}"), key=repr) for name in names}
        finally:
            connection.close()


@pytest.mark.parametrize(
    "not_a_birth",
    ["a key", "a holder", "a match", "another profile", "a description", "a value not asked for"],
)
async def test_what_is_more_than_a_birth_is_none(not_a_birth: str) -> None:
    """What a birth has no place for must not be lost."""
    scribe = Scribe(MemoryStore(clock=ManualClock()), KEY)
    other = await scribe.create(MAIL)
    asked = Evidence((DEVICE, CUSTOMER))
    change_set = await scribe.prepare(NEW, *scribe.creation(DEVICE, CUSTOMER), evidence=asked)
    assert birth_of(change_set, 2, AT_MS, MPID, 2) is not None
    match not_a_birth:
        case "a key":
            change_set.idempotency_key = "once"
        case "a holder":
            asked = Evidence((DEVICE, MAIL))
            change_set = await scribe.prepare(NEW, *scribe.creation(DEVICE, MAIL), evidence=asked)
        case "a match":
            change_set.evidence = asked._replace(decided_by=MAIL)
        case "another profile":
            change_set.mpid = other
        case "a description":
            change_set.changes += (Change(ChangeKind.DESCRIPTION_ADDED, NEW, MAIL),)
        case _:
            change_set.evidence = Evidence((DEVICE,))

    assert birth_of(change_set, 2, AT_MS, MPID, 2) is None
