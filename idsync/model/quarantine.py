"""Quarantine: a value that is no key by which anybody is found, though nothing is taken off anybody.

Whoever looks for the profiles that a request means sees of a quarantined value only the profile that the
request names as its previous one, if that has it: a device that says who it was stays who it was. Everything
else goes by who really has it: that a unique value is on one record (ID-033), that a login ID which another
profile keeps makes nobody new (ID-123), who is at odds with a request (X-02), and what was matched (ID-171).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from idsync.model.aliasing import AliasRecord
from idsync.model.flag import Flag
from idsync.model.identity import GraphKey, Identity, Mpid
from idsync.model.journal import JournalEntry
from idsync.model.must_not import MustNot
from idsync.model.policy import Policy
from idsync.model.request import ResolveRequest
from idsync.model.view import GraphView, Holders, ProfileView, Ranked

__all__ = [
    "MAX_REASON_CHARS",
    "FindableView",
    "QuarantineRequest",
    "Quarantining",
    "quarantines",
    "recorded_holders",
]

MAX_REASON_CHARS: Final = 256
"""Characters of what an operator may say why."""


@dataclass(frozen=True, slots=True)
class QuarantineRequest:
    """An operator's order to quarantine a value, or to release it.

    Attributes:
        reason: Kept in the journal.
    """

    graph: GraphKey
    identity: Identity
    reason: str = ""
    release: bool = False
    request_id: str = ""
    input_id: str = ""


@dataclass(frozen=True, slots=True)
class Quarantining:
    """What was done.

    Attributes:
        known: Known profiles that have the value, and go on having it.
        anonymous: Anonymous ones.
        since_seq: The entry that quarantined it.
        journal_seq: The entry written.
    """

    identity: Identity
    known: int
    anonymous: int
    since_seq: int
    journal_seq: int


def quarantines(request: ResolveRequest, view: GraphView, policy: Policy) -> dict[Identity, int]:
    """Give what is quarantined of a request, each with the position of the entry that did it.

    Types outside the priority find nobody as it is (ID-026).
    """
    found = {
        identity: view.flags(identity).get(Flag.QUARANTINE, 0)
        for t, identity in request.identities.items()
        if policy.priority_set >> t & 1
    }
    return {identity: seq for identity, seq in found.items() if seq}


def recorded_holders(view: GraphView, identity: Identity) -> Holders | None:
    """Give who really has an identity, be it quarantined or not."""
    holders = view.holders(identity)
    return holders.recorded if isinstance(holders, _Findable) else holders


class _Only:
    """One profile of a set, or none; implements `idsync.model.view.Ranked`."""

    __slots__ = ("_members",)

    def __init__(self, ranked: Ranked, mpid: Mpid | None) -> None:
        self._members = (mpid,) if mpid is not None and mpid in ranked else ()

    def __len__(self) -> int:
        return len(self._members)

    def __contains__(self, mpid: object, /) -> bool:
        return mpid in self._members

    def newest_first(self) -> Iterator[Mpid]:
        return iter(self._members)


class _Findable:
    """Whom a quarantined identity leads to; implements `idsync.model.view.Holders`."""

    __slots__ = ("anonymous", "known", "recorded")

    def __init__(self, recorded: Holders, previous: Mpid | None) -> None:
        self.recorded = recorded
        self.known = _Only(recorded.known, previous)
        self.anonymous = _Only(recorded.anonymous, previous)

    @property
    def version(self) -> int:
        return self.recorded.version

    def has(self, mpid: Mpid) -> bool:
        return mpid in self.known or mpid in self.anonymous

    def describes(self, mpid: Mpid) -> bool:
        return self.recorded.describes(mpid)


class FindableView:
    """What a strategy sees where the request has quarantined identities; implements `GraphView`.

    Args:
        view: The graph as it is.
        quarantined: Those identities.
        previous: The profile that the request names as its previous one.
    """

    has_quarantined = True

    def __init__(self, view: GraphView, quarantined: Mapping[Identity, int], previous: Mpid | None) -> None:
        self._view = view
        self._quarantined = quarantined
        self._previous = previous

    def holders(self, identity: Identity) -> Holders | None:
        """Give who is found by an identity."""
        holders = self._view.holders(identity)
        if holders is None or identity not in self._quarantined:
            return holders
        return _Findable(holders, self._previous)

    def profile(self, mpid: Mpid) -> ProfileView | None:
        """Give a profile as it is."""
        return self._view.profile(mpid)

    def aliases(self, mpid: Mpid) -> Sequence[AliasRecord]:
        """Give alias requests as they are."""
        return self._view.aliases(mpid)

    @property
    def has_must_nots(self) -> bool:
        """Whether there are any."""
        return self._view.has_must_nots

    def must_nots(self, identity: Identity) -> Sequence[MustNot]:
        """Give must-not-links as they are."""
        return self._view.must_nots(identity)

    def flags(self, identity: Identity) -> Mapping[Flag, int]:
        """Give flags as they are."""
        return self._view.flags(identity)

    @property
    def earlier(self) -> JournalEntry | None:
        """Give the earlier call."""
        return self._view.earlier
