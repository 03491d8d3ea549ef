"""Small graphs for pure checks: records go in, the view that a strategy would get comes out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from hypothesis import strategies as st

from idsync.model.aliasing import AliasRecord
from idsync.model.decision import Create, Decision, Match, Reuse
from idsync.model.flag import Flag
from idsync.model.identity import Identity, IdentityType, Mpid
from idsync.model.journal import ChangeKind, JournalEntry
from idsync.model.must_not import MustNot
from idsync.model.policy import Policy
from idsync.model.request import Operation, ResolveRequest
from idsync.model.view import GraphView, Holders, ProfileView, ViewRequest
from idsync.store.memory_graph import MemoryGraph
from idsync.store.memory_view import MemoryView
from idsync.store.rows import StoredChange, StoredEntry, StoredEvidence
from idsync.testing.policies import TYPES
from idsync.testing.scribe import GRAPH

__all__ = ["Names", "Records", "identity_maps", "previous_mpids", "records", "requests", "view_of"]

Records = Mapping[Mpid, Sequence[Identity]]
"""What is on each profile's record; the profile that comes last was returned last."""

_MPIDS = (5, -3, 9, 1, -8)
_VALUES = ("1", "2")


def identity_maps(min_size: int = 0) -> st.SearchStrategy[dict[IdentityType, Identity]]:
    """Draw the identities of a request: at most one of a type."""
    values = st.dictionaries(st.sampled_from(TYPES), st.sampled_from(_VALUES), min_size=min_size)
    return values.map(lambda chosen: {t: Identity(t, value) for t, value in chosen.items()})


@st.composite
def records(draw: st.DrawFn, policy: Policy) -> Records:
    """Draw the records of a graph that could have come about under a policy."""
    result: dict[Mpid, list[Identity]] = {}
    taken: set[Identity] = set()
    on_records = [Identity(t, value) for t in TYPES if t in policy.priority for value in _VALUES]
    for mpid in draw(st.lists(st.sampled_from(_MPIDS), unique=True)):
        record: list[Identity] = []
        for identity in draw(st.lists(st.sampled_from(on_records), unique=True, min_size=1, max_size=3)):
            limit = 1 if identity.type in policy.immutable else policy.max_per_type.get(identity.type, 9)
            if identity not in taken and sum(other.type == identity.type for other in record) < limit:
                record.append(identity)
                if identity.type in policy.unique:
                    taken.add(identity)
        result[mpid] = record
    return result


def previous_mpids() -> st.SearchStrategy[Mpid | None]:
    """Draw what a client takes for its previous MPID: nothing, a profile, or a name that nobody has."""
    return st.sampled_from((None, *_MPIDS, 12_345))


@st.composite
def requests(draw: st.DrawFn, policy: Policy) -> ResolveRequest:
    """Draw a request as a strategy gets it: a logout comes without login IDs (ID-084)."""
    operation = draw(st.sampled_from(Operation))
    identities = draw(identity_maps())
    if operation is Operation.LOGOUT:
        identities = {t: identity for t, identity in identities.items() if t not in policy.login}
    return ResolveRequest(operation, GRAPH, identities, draw(previous_mpids()))


@dataclass(frozen=True, slots=True)
class Names:
    """Other names for the values and profiles of a case, which leave everything else as it is."""

    values: Mapping[str, str]
    mpids: Mapping[Mpid, Mpid]

    def of_identity(self, identity: Identity) -> Identity:
        """Rename one value."""
        return Identity(identity.type, self.values[identity.value])

    def of_mpid(self, mpid: Mpid | None) -> Mpid | None:
        """Rename a profile; who is not in the graph keeps the name."""
        return None if mpid is None else self.mpids.get(mpid, mpid)

    def of_records(self, graph: Records) -> Records:
        """Rename a graph."""
        return {self.mpids[mpid]: [self.of_identity(i) for i in record] for mpid, record in graph.items()}

    def of_request(self, request: ResolveRequest) -> ResolveRequest:
        """Rename what a request brings."""
        identities = {t: self.of_identity(identity) for t, identity in request.identities.items()}
        return replace(request, identities=identities, previous_mpid=self.of_mpid(request.previous_mpid))

    def of_decision(self, decision: Decision) -> Decision:
        """Rename whom a decision names."""
        if isinstance(decision, Reuse):
            return Reuse(self._of_match(decision.match), decision.rule)
        if isinstance(decision, Create):
            beside = None if decision.beside is None else self._of_match(decision.beside)
            return Create(decision.rule, self.of_mpid(decision.source), beside)
        return decision

    def _of_match(self, match: Match) -> Match:
        return Match(
            self.mpids[match.mpid], match.is_known, self.of_identity(match.decided_by), match.candidates
        )


def view_of(graph: Records, request: ResolveRequest, policy: Policy) -> GraphView:
    """Take the look that a resolver takes for a request; whoever looks further fails.

    The view gives the holders of the request's identities, the profiles among them and the previous one,
    without their records: no more is read for a call.
    """
    tables = MemoryGraph()
    for seq, (mpid, record) in enumerate(graph.items(), start=1):
        changes = [StoredChange(ChangeKind.PROFILE_CREATED, mpid)]
        changes += [
            StoredChange(ChangeKind.IDENTITY_ADDED, mpid, tables.id_of(identity), identity.type)
            for identity in record
        ]
        entry = StoredEntry(
            seq, seq, "suite", "suite/written", "", "", mpid, tuple(changes), StoredEvidence()
        )
        tables.append(entry)
    wanted = ViewRequest(GRAPH, policy.login_set, list(request.identities.values()))
    return _NarrowView(MemoryView(tables, wanted), request)


class _NarrowView:
    """Shows what was asked for, and takes offence at the rest."""

    def __init__(self, view: MemoryView, request: ResolveRequest) -> None:
        self._view = view
        self._identities = frozenset(request.identities.values())
        self._previous = request.previous_mpid

    def holders(self, identity: Identity) -> Holders | None:
        assert identity in self._identities, "the strategy looked for an identity that is not in the request"
        return self._view.holders(identity)

    def profile(self, mpid: Mpid) -> ProfileView | None:
        holders = (self._view.holders(identity) for identity in self._identities)
        is_shown = mpid == self._previous or any(h is not None and h.has(mpid) for h in holders)
        assert is_shown, "the strategy looked for a profile that holds nothing of the request"
        profile = self._view.profile(mpid)
        return None if profile is None else _NarrowProfile(profile)

    def aliases(self, _mpid: Mpid) -> Sequence[AliasRecord]:
        raise AssertionError("the strategy looked at aliases, which have no part in resolution (ID-193)")

    @property
    def has_must_nots(self) -> bool:
        raise AssertionError("the strategy asked for must-not-links, which have no part in finding a profile")

    def must_nots(self, _identity: Identity) -> Sequence[MustNot]:
        raise AssertionError("the strategy looked at must-not-links, which have no part in finding a profile")

    @property
    def has_quarantined(self) -> bool:
        return False

    def flags(self, _identity: Identity) -> Mapping[Flag, int]:
        raise AssertionError("the strategy asked for flags, which the resolver has dealt with")

    @property
    def earlier(self) -> JournalEntry | None:
        raise AssertionError("the strategy looked for an earlier call, which is answered before it is asked")


class _NarrowProfile:
    """A profile without its record: only the types on it are looked up for a call."""

    def __init__(self, profile: ProfileView) -> None:
        self.mpid = profile.mpid
        self.types = profile.types
        self.recency = profile.recency
        self.version = profile.version
        self.active_ms = profile.active_ms
        self.overtaken = profile.overtaken

    def record(self) -> Mapping[Identity, int]:
        raise AssertionError("the strategy read a record, which is not looked up for a call")

    def descriptions(self) -> Mapping[Identity, int]:
        raise AssertionError("the strategy read descriptions, which have no part in resolution (ID-026)")
