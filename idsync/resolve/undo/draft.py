"""A draft of what an undo does to profiles: moved about first, then judged, then written down as changes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from idsync.model.changes import ChangeSet
from idsync.model.errors import ConflictError, InvalidRequestError, NotFoundError
from idsync.model.identity import GraphKey, Identity, Mpid, TypeSet, type_set
from idsync.model.journal import NEW, Change, ChangeKind, Evidence
from idsync.model.must_not import MAX_SIDE, Side, forbidding
from idsync.model.policy import Policy
from idsync.model.undo import ProfileChange, Undone
from idsync.model.view import GraphView

__all__ = ["Draft", "Sheet", "forbidden_changes", "require_apart"]


@dataclass(slots=True)
class Sheet:
    """One profile of a draft.

    Attributes:
        version: Position of the last entry that changed it; 0 for one that is about to be made.
        recency: Its place in the order of ID-011; `None` for one that is about to be made.
        renewed: What it had, and gets once more.
    """

    mpid: Mpid
    version: int = 0
    recency: int | None = None
    before: Mapping[Identity, int] = field(default_factory=dict)
    described_before: Mapping[Identity, int] = field(default_factory=dict)
    record: dict[Identity, None] = field(default_factory=dict)
    described: dict[Identity, None] = field(default_factory=dict)
    renewed: set[Identity] = field(default_factory=set)

    @property
    def removed(self) -> list[Identity]:
        """What leaves the record."""
        return [i for i in self.before if i not in self.record]

    @property
    def added(self) -> list[Identity]:
        """What comes onto the record, or comes onto it anew."""
        return [i for i in self.record if i not in self.before or i in self.renewed]

    @property
    def types(self) -> TypeSet:
        """The types on the record afterwards."""
        return type_set(i.type for i in self.record)

    def changes(self, policy: Policy) -> Iterator[Change]:
        """Give what happens to it; its creation is told by itself."""
        mpid = self.mpid
        for identity in self.before:
            if identity not in self.record or identity in self.renewed:
                yield Change(ChangeKind.IDENTITY_REMOVED, mpid, identity)
        for identity in self.described_before:
            if identity not in self.described:
                yield Change(ChangeKind.DESCRIPTION_REMOVED, mpid, identity)
        for identity in self.added:
            yield Change(ChangeKind.IDENTITY_ADDED, mpid, identity)
        for identity in self.described:
            if identity not in self.described_before:
                yield Change(ChangeKind.DESCRIPTION_ADDED, mpid, identity)
        was, now = self.was_known(policy), policy.is_known(self.types)
        if was != now:
            yield Change(ChangeKind.BECAME_KNOWN if now else ChangeKind.BECAME_ANONYMOUS, mpid)

    def was_known(self, policy: Policy) -> bool:
        """Say whether it was known before."""
        return policy.is_known(type_set(i.type for i in self.before))

    def shown(self, policy: Policy, mpid: Mpid) -> ProfileChange:
        """Say what changes; `mpid` is its name once it has one."""
        gone = [i for i in self.described_before if i not in self.described]
        come = [i for i in self.described if i not in self.described_before]
        return ProfileChange(
            mpid,
            self.recency is None,
            (*self.added, *come),
            (*self.removed, *gone),
            tuple(self.record),
            self.was_known(policy),
            policy.is_known(self.types),
            self.version,
            (*(self.before[i] for i in self.removed), *(self.described_before[i] for i in gone)),
        )


class Draft:
    """What an undo does to the profiles of one graph."""

    def __init__(self, graph: GraphKey, view: GraphView, policy: Policy) -> None:
        self._graph = graph
        self._view = view
        self._policy = policy
        self.sheets: dict[Mpid, Sheet] = {}
        self.withdrawn: list[int] = []
        self.forbidden: list[tuple[Side, Side]] = []

    # -- moving about --------------------------------------------------------------------------------------

    def sheet(self, mpid: Mpid) -> Sheet:
        """Give a profile.

        Raises:
            NotFoundError: It is erased, or there is none.
        """
        if mpid not in self.sheets:
            seen = self._view.profile(mpid)
            if seen is None:
                raise NotFoundError(f"there is no live profile {mpid}")
            before, described = seen.record(), seen.descriptions()
            self.sheets[mpid] = Sheet(
                mpid,
                # noted: a view may be of what lives, and this is asked again when all is done
                seen.version,
                seen.recency,
                before,
                described,
                dict.fromkeys(before),
                dict.fromkeys(described),
            )
        return self.sheets[mpid]

    def create(self) -> Sheet:
        """Give a new profile."""
        self.sheets[NEW] = Sheet(NEW)
        return self.sheets[NEW]

    def move(self, identity: Identity, source: Sheet, target: Sheet) -> None:
        """Take an identity off one record and put it on another; one that was there is put there anew."""
        del source.record[identity]
        if identity in target.record:
            target.renewed.add(identity)
            del target.record[identity]
        target.record[identity] = None

    def holders_after(self, identity: Identity) -> set[Mpid]:
        """Name those who have it on the record afterwards."""
        after = {mpid for mpid in self._holders(identity) if mpid not in self.sheets}
        return after | {mpid for mpid, sheet in self.sheets.items() if identity in sheet.record}

    def _holders(self, identity: Identity) -> set[Mpid]:
        holders = self._view.holders(identity)
        if holders is None:
            return set()
        return {m for ranked in (holders.known, holders.anonymous) for m in ranked.newest_first()}

    # -- judging -------------------------------------------------------------------------------------------

    def require_version(self, expected: int | None) -> None:
        """Refuse if a profile has changed since.

        Raises:
            ConflictError: It has a greater version than expected.
        """
        for mpid, sheet in self.sheets.items():
            if expected is not None and sheet.version > expected:
                raise ConflictError(
                    f"profile {mpid} was changed by journal entry {sheet.version}, after version {expected}",
                    journal_seq=str(sheet.version),
                )

    def require_allowed(self) -> None:
        """Refuse what the policy or a must-not-link does not let onto a record.

        Raises:
            ConflictError: It says what, by type.
        """
        policy = self._policy
        for sheet in self.sheets.values():
            for identity in sheet.added:
                t = identity.type
                same = [i for i in sheet.record if i.type == t]
                grows = len(same) > len([i for i in sheet.before if i.type == t])
                where = f"profile {sheet.mpid}" if sheet.mpid else "the new profile"
                if grows and len(same) > 1 and t in policy.immutable:
                    raise ConflictError(f"{where} has another {t.wire_name}, which is immutable")
                if grows and len(same) > policy.max_per_type.get(t, len(same)):
                    raise ConflictError(f"{where} has as many values of {t.wire_name} as it may")
                if t in policy.unique:
                    after = self.holders_after(identity)
                    if len(after) > 1 and len(after) > len(self._holders(identity)):
                        raise ConflictError(f"the {t.wire_name} is unique, and by now on another profile")
                standing = [k for k in self._view.must_nots(identity) if k.seq not in self.withdrawn]
                seq = forbidding(standing, identity, sheet.mpid, sheet.record)
                if seq and identity not in sheet.renewed:
                    raise ConflictError(
                        f"journal entry {seq} forbids this {t.wire_name} on {where}", journal_seq=str(seq)
                    )

    def part(self, gone: Sheet, got: Iterable[Sheet]) -> None:
        """Forbid that what leaves a profile comes together again with what stays.

        What the profiles that got it have as well as the one that lost it says nothing against either.
        """
        removed = gone.removed
        if not removed or not gone.record:
            return
        targets = list(got)
        shared = {i for sheet in targets for i in sheet.record}
        stays = tuple(i for i in gone.record if i not in shared)
        if max(len(removed), len(stays)) > MAX_SIDE:
            raise InvalidRequestError(f"a side of a must-not-link names at most {MAX_SIDE:,} identities")
        mpid = targets[0].mpid if len(targets) == 1 else None
        self.forbidden.append((Side(tuple(removed), mpid), Side(stays, gone.mpid)))

    # -- writing -------------------------------------------------------------------------------------------

    def change_set(
        self, mpid: Mpid, cause: str, rule: str, asked: Iterable[Identity], reverted: Iterable[int] = ()
    ) -> ChangeSet:
        """Write it all down, with what it rests on."""
        changes: list[Change] = []
        if NEW in self.sheets:
            changes.append(Change(ChangeKind.PROFILE_CREATED, NEW))
        for sheet in self.sheets.values():
            changes.extend(sheet.changes(self._policy))
        changes += [Change(ChangeKind.REVERTED, mpid, alias_seq=seq) for seq in reverted]
        changes += [Change(ChangeKind.PERMITTED, mpid, alias_seq=seq) for seq in self.withdrawn]
        changes += forbidden_changes(self.forbidden, mpid)
        identities: dict[Identity, int] = {}
        for identity in asked:
            holders = self._view.holders(identity)
            identities[identity] = 0 if holders is None else holders.version
        named = {change.identity for change in changes}
        return ChangeSet(
            self._graph,
            mpid,
            self._view,
            cause=cause,
            rule=rule,
            changes=tuple(changes),
            identities=identities,
            profiles={m: sheet.version for m, sheet in self.sheets.items() if m != NEW},
            evidence=Evidence(tuple(i for i, version in identities.items() if version or i in named)),
        )

    def undone(self, mpid: Mpid, journal_seq: int, reverted: Iterable[int] = ()) -> Undone:
        """Give the answer; `mpid` is the name of a profile that was made."""

        def recency(sheet: Sheet) -> float:
            return float("inf") if sheet.recency is None else sheet.recency

        name = mpid if NEW in self.sheets else NEW
        ordered = sorted(self.sheets.values(), key=recency, reverse=True)
        return Undone(
            tuple(sheet.shown(self._policy, sheet.mpid or name) for sheet in ordered),
            tuple((_named(one, name), _named(other, name)) for one, other in self.forbidden),
            tuple(self.withdrawn),
            tuple(reverted),
            max((sheet.version for sheet in self.sheets.values()), default=0),
            journal_seq,
        )


def _named(side: Side, name: Mpid) -> Side:
    return Side(side.identities, name) if side.mpid == NEW else side


def forbidden_changes(links: Iterable[tuple[Side, Side]], mpid: Mpid, reason: str = "") -> list[Change]:
    """Give the members of must-not-links as changes; `mpid` is what the entry is about."""
    changes: list[Change] = []
    for number, sides in enumerate(links):
        for side, members in enumerate(sides, start=2 * number):
            changes += [
                Change(ChangeKind.FORBIDDEN, mpid, identity, alias_seq=side)
                for identity in members.identities
            ]
            if members.mpid is not None:
                changes.append(Change(ChangeKind.FORBIDDEN, members.mpid, alias_seq=side))
    if changes:
        changes[0] = changes[0]._replace(reason=reason)
    return changes


def require_apart(sides: tuple[Side, Side], draft: Draft) -> None:
    """Refuse a must-not-link between what is together.

    Raises:
        ConflictError: It names the profile.
    """
    both = []
    for side in sides:
        where = {mpid for identity in side.identities for mpid in draft.holders_after(identity)}
        both.append(where | ({side.mpid} if side.mpid is not None else set()))
    together = sorted(both[0] & both[1])
    if together:
        raise ConflictError(
            f"the sides are together on profile {together[0]}: split it first", mpid=str(together[0])
        )
