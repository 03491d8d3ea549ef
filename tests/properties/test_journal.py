"""The journal is the truth: the tables are what it adds up to, and it survives being kept."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Sequence

import orjson
from hypothesis import given

from idsync.model.identity import Identity, Mpid, type_set
from idsync.model.journal import ChangeKind, JournalEntry
from idsync.model.policy import Policy
from idsync.resolve.resolver import Scope
from idsync.store.codec import pack, to_stored, unpack
from idsync.testing.graph_image import GraphImage, graph_image, replayed, retold
from idsync.testing.traffic import GRAPHS, Call, Delay, Deletion, traffic
from tests.properties.playing import any_scope, memory_player


def _played(scope: Scope, calls: Sequence[Call]) -> list[GraphImage]:
    async def run() -> list[GraphImage]:
        player = memory_player(scope)
        await player.play_all(calls)
        return [await graph_image(player.store, graph) for graph in GRAPHS]

    return asyncio.run(run())


@given(any_scope, traffic(max_size=20))
def test_folding_the_journal_gives_the_tables(scope: Scope, calls: list[Call]) -> None:
    """Every profile, record, holder and order, from the entries alone; also after erasures."""

    async def folded(image: GraphImage, number: int) -> GraphImage:
        return await graph_image(await replayed(image.entries), GRAPHS[number])

    for number, image in enumerate(_played(scope, calls)):
        again = asyncio.run(folded(image, number))

        assert again.profiles == image.profiles
        assert again.holders == image.holders


@given(any_scope, traffic(max_size=20))
def test_every_entry_is_the_same_after_it_was_kept(scope: Scope, calls: list[Call]) -> None:
    """Through the text in which a store keeps it."""
    ids: defaultdict[Identity, int] = defaultdict(lambda: len(ids) + 1)
    for image in _played(scope, calls):
        for entry in image.entries:
            stored = to_stored(retold(entry), entry.seq, entry.at_ms, entry.mpid, ids.__getitem__)

            assert unpack(orjson.loads(orjson.dumps(pack(stored)))) == stored


@given(any_scope, traffic(max_size=20))
def test_entries_tell_of_changes_that_happened(scope: Scope, calls: list[Call]) -> None:
    """Nothing is added twice, nothing removed that is not there, and known is said when it changes."""
    online = [call for call in calls if not isinstance(call, Deletion | Delay)]
    for image in _played(scope, online):
        records: defaultdict[Mpid, set[Identity]] = defaultdict(set)
        for entry in image.entries:
            _follow(entry, records, scope.policy)

        for mpid, profile in image.profiles.items():
            assert {r.identity for r in (*profile.identities, *profile.descriptions)} == records[mpid]


def _follow(entry: JournalEntry, records: defaultdict[Mpid, set[Identity]], policy: Policy) -> None:
    before = {change.mpid: _is_known(records[change.mpid], policy) for change in entry.changes}
    said: dict[Mpid, ChangeKind] = {}
    for change in entry.changes:
        record, kind = records[change.mpid], change.kind
        if kind in {ChangeKind.IDENTITY_ADDED, ChangeKind.DESCRIPTION_ADDED}:
            assert change.identity is not None
            assert change.identity not in record
            record.add(change.identity)
        elif kind in {ChangeKind.IDENTITY_REMOVED, ChangeKind.DESCRIPTION_REMOVED}:
            assert change.identity is not None
            assert change.identity in record
            record.remove(change.identity)
        elif kind in {ChangeKind.BECAME_KNOWN, ChangeKind.BECAME_ANONYMOUS}:
            assert change.mpid not in said
            said[change.mpid] = kind
    for mpid, was_known in before.items():
        is_known = _is_known(records[mpid], policy)
        turned = ChangeKind.BECAME_KNOWN if is_known else ChangeKind.BECAME_ANONYMOUS
        assert said.get(mpid) == (None if is_known is was_known else turned)
    assert entry.changes


def _is_known(record: set[Identity], policy: Policy) -> bool:
    return policy.is_known(type_set(identity.type for identity in record if identity.type in policy.priority))
