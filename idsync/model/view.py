"""All that a decision may see: the holders of the request's identities, and the profiles among them.

A view is one consistent look. It may read lazily from memory that nobody changes before the decision is
made, so that a value held by ten thousand profiles costs no more than one held by two. A view from far away
brings what is likely to be asked, and says so where that is not enough (`LookAgain`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from idsync.model.aliasing import AliasRecord
from idsync.model.flag import Flag
from idsync.model.identity import GraphKey, Identity, Mpid, TypeSet
from idsync.model.journal import JournalEntry
from idsync.model.must_not import MustNot

__all__ = ["GraphView", "Holders", "LookAgain", "ProfileView", "Ranked", "ViewRequest"]


class Ranked(Protocol):
    """A set of profiles in the order of ID-011."""

    def __len__(self) -> int:
        """Count them."""
        ...

    def __contains__(self, mpid: object, /) -> bool:
        """Say whether a profile is among them, in constant time: a holder, or one asked for by name."""
        ...

    def newest_first(self) -> Iterator[Mpid]:
        """Go through them from the one returned or created last."""
        ...


class Holders(Protocol):
    """Who has one identity on the record, parted by known and anonymous (ID-008)."""

    @property
    def version(self) -> int:
        """Position of the last journal entry that changed who holds it, or their order or state."""
        ...

    @property
    def known(self) -> Ranked:
        """Known profiles."""
        ...

    @property
    def anonymous(self) -> Ranked:
        """Anonymous profiles."""
        ...

    def has(self, mpid: Mpid) -> bool:
        """Say whether the identity is on the record of `mpid`."""
        ...

    def describes(self, mpid: Mpid) -> bool:
        """Say whether `mpid` keeps the identity as a descriptive one (ID-026)."""
        ...


class ProfileView(Protocol):
    """One live profile."""

    @property
    def mpid(self) -> Mpid:
        """Its name."""
        ...

    @property
    def types(self) -> TypeSet:
        """The types on its record."""
        ...

    @property
    def recency(self) -> int:
        """Position of the entry that last recorded its place in the order of ID-011; greater is later."""
        ...

    @property
    def version(self) -> int:
        """Position of the last entry that changed it."""
        ...

    @property
    def active_ms(self) -> int:
        """Last recorded moment of any activity, UTC milliseconds (ID-214)."""
        ...

    @property
    def overtaken(self) -> bool:
        """Whether a profile that shares a value with it was returned or created later (ID-011)."""
        ...

    def record(self) -> Mapping[Identity, int]:
        """Its identity record: each identity with the position of the entry that added it, oldest first."""
        ...

    def descriptions(self) -> Mapping[Identity, int]:
        """Its descriptive identities, likewise (ID-026)."""
        ...


class GraphView(Protocol):
    """One consistent look at the part of a graph that a request concerns."""

    def holders(self, identity: Identity) -> Holders | None:
        """Who holds an identity that was asked for; `None`: no such identity, version 0."""
        ...

    def profile(self, mpid: Mpid) -> ProfileView | None:
        """A holder, or a profile asked for by name; `None`: unknown in this graph, or erased."""
        ...

    def aliases(self, mpid: Mpid) -> Sequence[AliasRecord]:
        """Alias requests that name a profile asked for with `aliases`, in order of arrival."""
        ...

    @property
    def has_must_nots(self) -> bool:
        """Whether `must_nots` may have anything to say; asked first, as hardly any graph has one."""
        ...

    def must_nots(self, identity: Identity) -> Sequence[MustNot]:
        """The must-not-links that stand and name an identity that was asked for, oldest first."""
        ...

    @property
    def has_quarantined(self) -> bool:
        """Whether any identity asked for may be quarantined; asked first, as in most graphs none is."""
        ...

    def flags(self, identity: Identity) -> Mapping[Flag, int]:
        """The flags of an identity that was asked for, each with the position of the entry that raised it."""
        ...

    @property
    def earlier(self) -> JournalEntry | None:
        """The entry that already carries the idempotency key asked for, if any."""
        ...


@dataclass(slots=True)
class ViewRequest:
    """What a call needs to see.

    Attributes:
        login_set: The scope's login types: a store parts known from anonymous by them.
        profiles: Profiles to look up by name besides the holders.
        records: Whether the records of `profiles`, and of the holders of `identities`, will be read.
        aliases: Whether alias requests of `profiles` will be read.
        idempotency_key: Look for an entry of `input_id` with this key.
        whole: Those of `identities` whose holders will be gone through to the last one.
    """

    graph: GraphKey
    login_set: TypeSet
    identities: Sequence[Identity]
    profiles: Sequence[Mpid] = field(default=())
    records: bool = False
    aliases: bool = False
    input_id: str = ""
    idempotency_key: str | None = None
    whole: Sequence[Identity] = field(default=())


class LookAgain(Exception):  # noqa: N818 - it is no error: the decision needs more than was brought
    """A view does not hold what a decision asks it for; a look at more of the graph does.

    Args:
        profile: Its record is needed.
        identity: All of its holders are needed.
    """

    def __init__(self, profile: Mpid | None = None, identity: Identity | None = None) -> None:
        super().__init__("the view must be taken again")
        self._profile = profile
        self._identity = identity

    def add_to(self, wanted: ViewRequest) -> None:
        """Let the next look bring what was missing."""
        if self._profile is not None:
            wanted.profiles = (*wanted.profiles, self._profile)
        if self._identity is not None:
            wanted.whole = (*wanted.whole, self._identity)
