"""Reads what a call sees, now or when it was made, and reasons about it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final, TypeAlias

from idsync.model.changes import ChangeSet
from idsync.model.flag import Flag
from idsync.model.identity import GraphKey, Identity, Mpid
from idsync.model.journal import JournalEntry
from idsync.model.moment import Moment
from idsync.model.must_not import MustNot
from idsync.model.notice import NoticeReason
from idsync.model.policy import Policy
from idsync.model.profile import Profile
from idsync.model.request import Operation, ResolveRequest
from idsync.model.view import ViewRequest
from idsync.resolve.reasoning import Reasoning, reason
from idsync.resolve.recorded_view import RecordedView
from idsync.resolve.scope import Scope
from idsync.resolve.undo.following import sides_of
from idsync.store.protocol import Store

__all__ = ["MAX_HOLDERS", "MAX_OTHERS", "Reasoner"]

MAX_HOLDERS: Final = 200
"""Profiles that are looked at for each identity."""
MAX_OTHERS: Final = 20
"""Identities that the request does not bring and might have brought."""
_Standing: TypeAlias = tuple[Sequence[MustNot], Mapping[Identity, int]]
"""Must-not-links, and what is quarantined by which entry."""
_OPERATIONS: Final = frozenset(operation.value for operation in Operation)


class Reasoner:
    """Reasons about calls of the graphs of a store.

    Args:
        store: Where the graphs live.
        scopes: Settings and strategy by scope name; what was called long ago is judged by those of today.
    """

    def __init__(self, store: Store, scopes: Mapping[str, Scope]) -> None:
        self._store = store
        self._scopes = scopes

    async def now(self, request: ResolveRequest) -> Reasoning:
        """Say why a call would have its answer now; nothing is written."""
        return await self._reason(request, None)

    async def then(self, entry: JournalEntry) -> Reasoning | None:
        """Say why a call had its answer, by what was known just before it.

        `None`: the entry is of no such call, or what was asked was erased meanwhile.
        """
        asked = entry.evidence.asked
        if entry.cause not in _OPERATIONS or not asked or not all(identity.value for identity in asked):
            return None
        request = ResolveRequest(
            Operation(entry.cause),
            entry.graph,
            {identity.type: identity for identity in asked},
            entry.evidence.previous_mpid,
            entry.request_id,
            entry.input_id,
        )
        # of the must-not-links of then the journal names those that kept something off
        notices = [notice for notice in entry.evidence.notices if notice.seq]
        seqs = {notice.seq for notice in notices if notice.reason is NoticeReason.FORBIDDEN}
        forbidding = await self._store.entries_at(entry.graph, seqs)
        links = [link for each in forbidding.values() for link in sides_of(each)]
        quarantined = {
            request.identities[notice.type]: notice.seq
            for notice in notices
            if notice.reason is NoticeReason.QUARANTINED and notice.type in request.identities
        }
        return await self._reason(request, Moment(entry.seq - 1), (links, quarantined))

    async def _standing(self, request: ResolveRequest, others: Sequence[Identity]) -> _Standing:
        """Read what stands about what the request brings, or might have brought."""
        identities = list(dict.fromkeys([*request.identities.values(), *others]))
        login = self._scopes[request.graph.scope].policy.login_set
        [view] = await self._store.read_views([ViewRequest(request.graph, login, identities)])
        links = {link: None for identity in identities for link in view.must_nots(identity)}
        # every look is ended by what rests on it, be it nothing
        await self._store.apply([ChangeSet(request.graph, 0, view)])
        flags = {identity: view.flags(identity) for identity in identities}
        quarantined = {i: each[Flag.QUARANTINE] for i, each in flags.items() if Flag.QUARANTINE in each}
        return list(links), quarantined

    async def _reason(
        self, request: ResolveRequest, moment: Moment | None, standing: _Standing | None = None
    ) -> Reasoning:
        scope = self._scopes[request.graph.scope]
        look = _Look(self._store, request.graph, moment)
        await look.at_holders(request.identities.values())
        if request.previous_mpid is not None:
            await look.at_profiles([request.previous_mpid])
        others = _others(look.profiles.values(), request, scope.policy)
        await look.at_holders(others)
        if standing is None:
            standing = await self._standing(request, others)
        view = RecordedView(look.profiles.values(), scope.policy.login_set, *standing)
        return reason(request, view, scope, others, is_whole=look.is_whole)


class _Look:
    """What is read for one call."""

    def __init__(self, store: Store, graph: GraphKey, moment: Moment | None) -> None:
        self._store = store
        self._graph = graph
        self._moment = moment
        self.profiles: dict[Mpid, Profile] = {}
        self.is_whole = True

    async def at_holders(self, identities: Iterable[Identity]) -> None:
        """Read who has them; those beyond the bound make the look incomplete."""
        for identity in identities:
            if self._moment is None:
                found = await self._store.find_profiles(self._graph, identity, MAX_HOLDERS + 1)
            else:
                found = await self._store.find_profiles_at(
                    self._graph, identity, self._moment, MAX_HOLDERS + 1
                )
            self.is_whole = self.is_whole and len(found) <= MAX_HOLDERS
            await self.at_profiles(found[:MAX_HOLDERS])

    async def at_profiles(self, mpids: Sequence[Mpid]) -> None:
        new = [mpid for mpid in mpids if mpid not in self.profiles]
        if self._moment is None:
            self.profiles |= await self._store.profiles(self._graph, new)
        else:
            self.profiles |= await self._store.profiles_at(self._graph, new, self._moment)


def _others(profiles: Iterable[Profile], request: ResolveRequest, policy: Policy) -> list[Identity]:
    """Name what opens the profiles that were met: their login IDs and immutable IDs."""
    opening = policy.login | policy.immutable
    named: dict[Identity, None] = {}
    for profile in profiles:
        for recorded in profile.identities:
            identity = recorded.identity
            if identity.type in opening and request.identities.get(identity.type) != identity:
                named[identity] = None
    return list(named)[:MAX_OTHERS]
