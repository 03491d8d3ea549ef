"""What a modify writes (section 8 of the specification); the same with every strategy (ID-164)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from idsync.model.changes import ChangeSet, Modification
from idsync.model.errors import InvalidRequestError, LookupFailedError
from idsync.model.flag import Flag
from idsync.model.identity import Identity, IdentityType, Mpid, TypeSet, type_set
from idsync.model.journal import Change, ChangeKind, Evidence
from idsync.model.must_not import forbidding
from idsync.model.notice import Notice, NoticeReason
from idsync.model.policy import Policy
from idsync.model.request import IdentityChange, ModifyRequest
from idsync.model.view import GraphView, ProfileView

__all__ = ["FORBIDDEN", "ModifyPlan"]

FORBIDDEN: Final = "modify/forbidden"
"""The rule of a refusal because of a must-not-link."""


class ModifyPlan:
    """Works through the changes of one request, each seeing the effect of those before it (ID-158)."""

    def __init__(self, request: ModifyRequest, view: GraphView, policy: Policy) -> None:
        target = view.profile(request.mpid)
        if target is None:
            raise LookupFailedError("no profile has this MPID")
        self._request = request
        self._view = view
        self._policy = policy
        self._target = target
        self._before = target.record()
        self._record: dict[Identity, None] = dict.fromkeys(self._before)
        self._described: dict[Identity, None] = dict.fromkeys(target.descriptions())
        self._taken: dict[Mpid, list[Identity]] = {}
        self._results: list[tuple[IdentityType, Mpid]] = []
        self._notices: list[Notice] = []
        for change in request.changes:
            self._work(change)

    def _work(self, change: IdentityChange) -> None:
        if change.old == change.new:
            return
        if change.type not in self._policy.priority:
            self._describe(change)
            return
        effective = False
        if change.old is not None and change.old in self._record:
            self._refuse_if_immutable(change.type)
            del self._record[change.old]
            effective = True
        losers: list[Mpid] = []
        if change.new is not None and change.new not in self._record:
            losers = self._add(change.new)
            effective = True
        if effective:
            self._results.append((change.type, self._target.mpid))
            self._results.extend((change.type, loser) for loser in losers)

    def _describe(self, change: IdentityChange) -> None:
        """Change descriptive identities: no lookup, no record (ID-026, ID-163)."""
        effective = False
        if change.old is not None and change.old in self._described:
            del self._described[change.old]
            effective = True
        if change.new is not None:
            self._notices.append(Notice(change.type, NoticeReason.OUTSIDE_PRIORITY))
            if change.new not in self._described:
                self._described[change.new] = None
                effective = True
        if effective:
            self._results.append((change.type, self._target.mpid))

    def _refuse_if_immutable(self, identity_type: IdentityType) -> None:
        if identity_type in self._policy.immutable:
            raise InvalidRequestError(
                f"{identity_type.wire_name} is immutable: it cannot be changed, removed, added a second "
                "time, or taken from another profile",
                fields=("identity_changes",),
            )

    def _refuse_if_forbidden(self, identity: Identity) -> None:
        """Refuse what may not be on the profile: to leave it out would lose the old value as well."""
        if not self._view.has_must_nots:
            return
        seq = forbidding(self._view.must_nots(identity), identity, self._target.mpid, self._record)
        if seq:
            error = InvalidRequestError(
                f"journal entry {seq} forbids this {identity.type.wire_name} on the profile",
                fields=("identity_changes",),
            )
            error.metadata = {"rule": FORBIDDEN, "journal_seq": str(seq)}
            raise error

    def _add(self, identity: Identity) -> list[Mpid]:
        """Put a value on the record; returns the profiles that lose it (ID-156)."""
        others = [mpid for mpid in self._others(identity) if identity not in self._taken.get(mpid, ())]
        if others or any(value.type == identity.type for value in self._record):
            self._refuse_if_immutable(identity.type)
        self._refuse_if_forbidden(identity)
        losers = others if identity.type in self._policy.unique else []
        for loser in losers:
            self._taken.setdefault(loser, []).append(identity)
        limit = self._policy.max_per_type.get(identity.type)
        if limit is not None:
            values = [value for value in self._record if value.type == identity.type]
            for oldest in values[: max(len(values) + 1 - limit, 0)]:
                del self._record[oldest]
                self._notices.append(Notice(identity.type, NoticeReason.OLDEST_DROPPED))
        self._record[identity] = None
        self._note_quarantined(identity)
        return losers

    def _note_quarantined(self, identity: Identity) -> None:
        """Say of a value that it finds nobody; a modify names its profile, so that all else is as ever."""
        if self._view.has_quarantined:
            seq = self._view.flags(identity).get(Flag.QUARANTINE)
            if seq is not None:
                self._notices.append(Notice(identity.type, NoticeReason.QUARANTINED, seq))

    def _others(self, identity: Identity) -> Iterator[Mpid]:
        """Name the other holders, as far as they matter: those of unique types."""
        holders = self._view.holders(identity)
        if holders is not None and identity.type in self._policy.unique:
            for ranked in (holders.known, holders.anonymous):
                yield from (mpid for mpid in ranked.newest_first() if mpid != self._target.mpid)

    def change_set(self) -> ChangeSet:
        """Give the net effect: what is on the records at the end and was not at the beginning."""
        request, target = self._request, self._target
        changes = [
            *_difference(target.mpid, self._before, self._record, descriptive=False),
            *_difference(target.mpid, target.descriptions(), self._described, descriptive=True),
        ]
        changes.extend(self._known_change(target, type_set(i.type for i in self._record)))
        profiles = {target.mpid: target.version}
        for mpid, lost in self._taken.items():
            loser = self._view.profile(mpid)
            assert loser is not None, "a holder comes from the view"
            profiles[mpid] = loser.version
            changes.extend(Change(ChangeKind.IDENTITY_REMOVED, mpid, identity) for identity in lost)
            left = type_set(i.type for i in loser.record() if i not in lost)
            changes.extend(self._known_change(loser, left))
        identities = {}
        for identity in named(request):
            holders = self._view.holders(identity)
            identities[identity] = 0 if holders is None else holders.version
        change_set = ChangeSet(
            request.graph, target.mpid, self._view, identities=identities, profiles=profiles
        )
        if changes:
            change_set.cause = "modify"
            change_set.rule = "modify/changed"
            change_set.changes = tuple(changes)
            change_set.request_id = request.request_id
            change_set.input_id = request.input_id
            changed = {change.identity for change in changes}
            change_set.evidence = Evidence(
                tuple(i for i, version in identities.items() if version or i in changed),
                notices=self.notices,
            )
        return change_set

    def _known_change(self, profile: ProfileView, types: TypeSet) -> Iterator[Change]:
        before, after = self._policy.is_known(profile.types), self._policy.is_known(types)
        if before != after:
            kind = ChangeKind.BECAME_KNOWN if after else ChangeKind.BECAME_ANONYMOUS
            yield Change(kind, profile.mpid)

    @property
    def notices(self) -> tuple[Notice, ...]:
        """What was kept aside or dropped."""
        return (*self._request.notices, *self._notices)

    def answer(self, journal_seq: int) -> Modification:
        """Give the answer (ID-159, ID-172)."""
        is_known = self._policy.is_known(type_set(i.type for i in self._record))
        return Modification(tuple(self._results), is_known, journal_seq, self.notices)


def named(request: ModifyRequest) -> list[Identity]:
    """Give every identity that a modify names, once."""
    values = (value for change in request.changes for value in (change.old, change.new))
    return list(dict.fromkeys(value for value in values if value is not None))


def _difference(
    mpid: Mpid, before: Mapping[Identity, int], after: Mapping[Identity, None], *, descriptive: bool
) -> Iterator[Change]:
    added, removed = (
        (ChangeKind.DESCRIPTION_ADDED, ChangeKind.DESCRIPTION_REMOVED)
        if descriptive
        else (ChangeKind.IDENTITY_ADDED, ChangeKind.IDENTITY_REMOVED)
    )
    renewed = _renewed(before, after)
    for identity in before:
        if identity not in after or identity in renewed:
            yield Change(removed, mpid, identity)
    for identity in after:
        if identity not in before or identity in renewed:
            yield Change(added, mpid, identity)


def _renewed(before: Mapping[Identity, int], after: Mapping[Identity, None]) -> set[Identity]:
    """Find values that went and came again behind others of their type: now they were added last (ID-074)."""
    places = {identity: place for place, identity in enumerate(before)}
    renewed: set[Identity] = set()
    last: dict[IdentityType, int] = {}
    for identity in after:
        place = places.get(identity, len(places))
        latest = last.get(identity.type, -1)
        if place < latest:
            renewed.add(identity)
        last[identity.type] = max(place, latest)
    return renewed
