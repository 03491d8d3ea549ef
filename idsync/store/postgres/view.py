"""What a decision sees of the database: a picture of one moment, in memory."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from idsync.model.aliasing import AliasRecord
from idsync.model.flag import Flag
from idsync.model.identity import GraphKey, Identity, Mpid, TypeSet
from idsync.model.journal import JournalEntry
from idsync.model.must_not import MustNot
from idsync.model.view import LookAgain, ViewRequest
from idsync.store.codec import alias_record, from_stored
from idsync.store.must_nots import joined
from idsync.store.postgres.picture import Picture
from idsync.store.postgres.rows import DESCRIPTIVE

__all__ = ["PostgresView"]


class _Ranked:
    """The known or the anonymous holders of one identity; implements `idsync.model.view.Ranked`."""

    __slots__ = ("_count", "_holders", "_kinds", "_set")

    def __init__(self, holders: _Holders, kinds: Sequence[int]) -> None:
        self._holders = holders
        self._kinds = kinds
        self._count = sum(holders.counts[kind] for kind in kinds)
        self._set: frozenset[Mpid] | None = None

    def __len__(self) -> int:
        return self._count

    def __contains__(self, mpid: object, /) -> bool:
        if self._set is None:
            seen = self._holders.seen
            self._set = frozenset(m for kind in self._kinds for m, _ in seen.get(kind, ()))
        if mpid in self._set:
            return True
        if len(self._set) == self._count:
            return False
        assert isinstance(mpid, int)
        types = self._holders.view.types_with(self._holders.identity_id, mpid)
        if types is None:
            raise LookAgain(identity=self._holders.identity)
        return types in self._kinds

    def newest_first(self) -> Iterator[Mpid]:
        """Merge what was seen of each kind; below the last one seen of a kind the rest is not known."""
        seen = self._holders.seen
        ranked = [(recency, m) for kind in self._kinds for m, recency in seen.get(kind, ())]
        ranked.sort(reverse=True)
        known_down_to = max(
            (
                seen[kind][-1][1]
                for kind in self._kinds
                if kind in seen and len(seen[kind]) < self._holders.counts[kind]
            ),
            default=0,
        )
        for recency, mpid in ranked:
            if recency < known_down_to:
                break
            yield mpid
        if known_down_to:
            raise LookAgain(identity=self._holders.identity)


class _Holders:
    """Who holds one identity; implements `idsync.model.view.Holders`."""

    __slots__ = ("anonymous", "counts", "identity", "identity_id", "known", "seen", "version", "view")

    def __init__(self, view: PostgresView, identity: Identity, identity_id: int, login_set: TypeSet) -> None:
        picture = view.picture
        held = picture.identities[identity_id]
        self.view = view
        self.identity = identity
        self.identity_id = identity_id
        self.version = held.row.version
        self.counts = held.holders
        self.seen = picture.holders.get(identity_id, {})
        kinds = [kind for kind, count in self.counts.items() if count and kind != DESCRIPTIVE]
        self.known = _Ranked(self, [kind for kind in kinds if kind & login_set])
        self.anonymous = _Ranked(self, [kind for kind in kinds if not kind & login_set])

    def has(self, mpid: Mpid) -> bool:
        return mpid in self.known or mpid in self.anonymous

    def describes(self, mpid: Mpid) -> bool:
        seen = self.seen.get(DESCRIPTIVE, ())
        if any(m == mpid for m, _ in seen):
            return True
        if len(seen) == self.counts.get(DESCRIPTIVE, 0):
            return False
        links = self.view.picture.links.get(mpid)
        if links is None:
            raise LookAgain(profile=mpid)
        return any(link.descriptive and link.identity_id == self.identity_id for link in links)


class _ProfileView:
    """A live profile; implements `idsync.model.view.ProfileView`.

    Of a holder among very many only the place is known until the look is repeated.
    """

    __slots__ = ("_view", "mpid", "recency", "types")

    def __init__(self, view: PostgresView, mpid: Mpid, types: TypeSet, recency: int) -> None:
        self._view = view
        self.mpid = mpid
        self.types = types
        self.recency = recency

    def _require(self) -> Picture:
        picture = self._view.picture
        if self.mpid not in picture.profiles:
            raise LookAgain(profile=self.mpid)
        return picture

    @property
    def version(self) -> int:
        return self._require().profiles[self.mpid].version

    @property
    def active_ms(self) -> int:
        return self._require().profiles[self.mpid].active_ms

    @property
    def overtaken(self) -> bool:
        picture = self._require()
        return any(
            picture.newest.get(link.identity_id, 0) > self.recency
            for link in picture.links[self.mpid]
            if not link.descriptive
        )

    def record(self) -> Mapping[Identity, int]:
        return self._links(descriptive=False)

    def descriptions(self) -> Mapping[Identity, int]:
        return self._links(descriptive=True)

    def _links(self, *, descriptive: bool) -> Mapping[Identity, int]:
        picture = self._require()
        return {
            picture.value_of(link.identity_id): link.since_seq
            for link in picture.links[self.mpid]
            if link.descriptive is descriptive
        }


class PostgresView:
    """Implements `idsync.model.view.GraphView`.

    Attributes:
        tick: The store's count of its own writes when it was taken.
        has_must_nots: Whether any must-not-link names what calls of the round asked for.
        has_quarantined: Whether anything is quarantined that calls of the round asked for.
    """

    def __init__(self, graph: GraphKey, request: ViewRequest, picture: Picture, tick: int) -> None:
        self.picture = picture
        self.tick = tick
        self._graph = graph
        self._request = request
        self._holders: dict[Identity, _Holders | None] = {}
        self._places: dict[Mpid, tuple[TypeSet, int]] | None = None
        self.has_must_nots = bool(picture.must_nots)
        self.has_quarantined = picture.has_quarantined

    def holders(self, identity: Identity) -> _Holders | None:
        """Give the holders of an identity that was asked for."""
        if identity not in self._holders:
            identity_id = self.picture.ids.get(identity)
            self._holders[identity] = (
                None
                if identity_id is None
                else _Holders(self, identity, identity_id, self._request.login_set)
            )
        return self._holders[identity]

    def types_with(self, identity_id: int, mpid: Mpid) -> TypeSet | None:
        """Give the types of a profile if the identity is on its record, else 0; `None`: not looked up."""
        links = self.picture.links.get(mpid)
        if links is None:
            return 0 if mpid in self._request.profiles else None
        if any(link.identity_id == identity_id and not link.descriptive for link in links):
            return self.picture.profiles[mpid].types
        return 0

    def profile(self, mpid: Mpid) -> _ProfileView | None:
        """Give a live profile."""
        row = self.picture.profiles.get(mpid)
        if row is not None:
            return None if row.erased else _ProfileView(self, mpid, row.types, row.recency)
        place = self._place(mpid)
        return None if place is None else _ProfileView(self, mpid, *place)

    def _place(self, mpid: Mpid) -> tuple[TypeSet, int] | None:
        if self._places is None:
            ids = (self.picture.ids.get(identity) for identity in self._request.identities)
            self._places = {
                m: (kind, recency)
                for identity_id in ids
                if identity_id is not None
                for kind, seen in self.picture.holders.get(identity_id, {}).items()
                if kind != DESCRIPTIVE
                for m, recency in seen
            }
        return self._places.get(mpid)

    def aliases(self, mpid: Mpid) -> Sequence[AliasRecord]:
        """Give the alias requests that name a profile."""
        return [alias_record(row, self.picture.value_of) for row in self.picture.aliases.get(mpid, ())]

    def must_nots(self, identity: Identity) -> Sequence[MustNot]:
        """Give the must-not-links that name an identity that was asked for."""
        links = joined(self.picture.must_nots, self.picture.value_of)
        return [link for link in links if any(identity in side.identities for side in link.sides)]

    def flags(self, identity: Identity) -> Mapping[Flag, int]:
        """Give the flags of an identity that was asked for."""
        identity_id = self.picture.ids.get(identity)
        return {} if identity_id is None else self.picture.identities[identity_id].flags

    @property
    def earlier(self) -> JournalEntry | None:
        """Give the entry with the idempotency key."""
        if self._request.idempotency_key is None:
            return None
        entry = self.picture.entries.get((self._request.input_id, self._request.idempotency_key))
        return None if entry is None else from_stored(self._graph, entry, self.picture.value_of)
