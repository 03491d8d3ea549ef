"""Writes single changes into a graph the way the resolver does: look, name the conditions, commit."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final

from idsync.model.changes import Applied, ChangeSet, Stale
from idsync.model.identity import Environment, GraphKey, Identity, IdentityType, Mpid, TypeSet, type_set
from idsync.model.journal import NEW, Change, ChangeKind, Evidence, JournalEntry
from idsync.model.view import GraphView, Holders, ViewRequest
from idsync.store.protocol import Store

__all__ = ["GRAPH", "LOGIN", "Scribe", "held_by"]

GRAPH: Final = GraphKey("retail", Environment.PRODUCTION)
LOGIN: Final = type_set({IdentityType.CUSTOMERID, IdentityType.EMAIL})
"""The types that make a profile known, where a check does not say otherwise."""


def held_by(holders: Holders | None) -> list[Mpid]:
    """List the holders of an identity, known ones first, each group newest first."""
    return [] if holders is None else [*holders.known.newest_first(), *holders.anonymous.newest_first()]


class Scribe:
    """Writes into one graph of a store.

    Args:
        store: The store under test.
        graph: Which of its graphs.
        login: The login types of every look that is taken.
    """

    def __init__(self, store: Store, graph: GraphKey = GRAPH, login: TypeSet = LOGIN) -> None:
        self.store = store
        self.graph = graph
        self.login = login

    async def look(
        self, *identities: Identity, profiles: Sequence[Mpid] = (), aliases: bool = False
    ) -> GraphView:
        """Look at the holders of identities, and at profiles by name, records included."""
        wanted = ViewRequest(self.graph, self.login, identities, profiles, records=True, aliases=aliases)
        return (await self.store.read_views([wanted]))[0]

    async def earlier(self, input_id: str, idempotency_key: str) -> JournalEntry | None:
        """Look for the entry that carries an idempotency key."""
        wanted = ViewRequest(self.graph, self.login, (), input_id=input_id, idempotency_key=idempotency_key)
        return (await self.store.read_views([wanted]))[0].earlier

    async def holders(self, identity: Identity) -> list[Mpid]:
        """List who holds an identity."""
        return held_by((await self.look(identity)).holders(identity))

    async def prepare(
        self,
        mpid: Mpid,
        *changes: Change,
        identities: Iterable[Identity] = (),
        profiles: Iterable[Mpid] = (),
        **said: Any,
    ) -> ChangeSet:
        """Look now, and prepare a write that rests on what `identities` and `profiles` show.

        What the changes themselves name is looked at too, but is no condition.
        """
        conditions = (list(identities), list(profiles))
        named = {change.identity for change in changes if change.identity is not None}
        others = {change.mpid for change in changes if change.mpid != NEW}
        view = await self.look(*conditions[0], *named, profiles=[*conditions[1], *others])
        versions = {}
        for identity in conditions[0]:
            holders = view.holders(identity)
            versions[identity] = 0 if holders is None else holders.version
        expected = {}
        for mpid_ in conditions[1]:
            profile = view.profile(mpid_)
            assert profile is not None, "a profile that a write rests on must be there"
            expected[mpid_] = profile.version
        said = {"cause": "suite", "rule": "suite/written"} | said
        return ChangeSet(
            self.graph, mpid, view, changes=changes, identities=versions, profiles=expected, **said
        )

    async def apply(self, *change_sets: ChangeSet, in_order: bool = False) -> list[Applied | Stale]:
        """Commit change sets in one call, and wait until those that hold are durable."""
        results = await self.store.apply(change_sets, in_order=in_order)
        for result in results:
            if isinstance(result, Applied) and result.durable is not None:
                await result.durable
        return results

    async def write(self, mpid: Mpid, *changes: Change, **said: Any) -> Applied:
        """Commit changes that rest on nothing, which therefore always hold."""
        [result] = await self.apply(await self.prepare(mpid, *changes, **said))
        assert isinstance(result, Applied)
        return result

    def creation(self, *identities: Identity, source: Mpid | None = None) -> list[Change]:
        """Give the changes that create a profile with identities."""
        changes = [Change(ChangeKind.PROFILE_CREATED, NEW, other=source)]
        changes += [Change(ChangeKind.IDENTITY_ADDED, NEW, identity) for identity in identities]
        if type_set(identity.type for identity in identities) & self.login:
            changes.append(Change(ChangeKind.BECAME_KNOWN, NEW))
        return changes

    async def create(self, *identities: Identity, source: Mpid | None = None, **said: Any) -> Mpid:
        """Create a profile with identities, all of them asked for."""
        said = {"evidence": Evidence(identities)} | said
        return (await self.write(NEW, *self.creation(*identities, source=source), **said)).mpid

    async def add(self, mpid: Mpid, *identities: Identity) -> Applied:
        """Put identities on a record."""
        return await self.write(mpid, *(Change(ChangeKind.IDENTITY_ADDED, mpid, i) for i in identities))

    async def remove(self, mpid: Mpid, *identities: Identity) -> Applied:
        """Take identities off a record."""
        return await self.write(mpid, *(Change(ChangeKind.IDENTITY_REMOVED, mpid, i) for i in identities))

    async def describe(self, mpid: Mpid, *identities: Identity) -> Applied:
        """Keep identities with a profile without putting them on its record (ID-026)."""
        return await self.write(mpid, *(Change(ChangeKind.DESCRIPTION_ADDED, mpid, i) for i in identities))

    async def give_back(self, mpid: Mpid) -> Applied:
        """Move a profile to the top of the order of ID-011."""
        return await self.write(mpid, Change(ChangeKind.RETURNED, mpid))

    async def erase(self, mpid: Mpid) -> Applied:
        """Erase a profile (ID-212)."""
        return await self.write(mpid, Change(ChangeKind.PROFILE_ERASED, mpid))

    async def journal(self, after: int = 0, limit: int = 10_000) -> list[JournalEntry]:
        """Read the journal."""
        return await self.store.entries(self.graph, after, limit)
