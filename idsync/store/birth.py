"""A birth: an entry that does nothing but create a profile, out of identities that nobody ever had.

Most entries are births, and what one adds to the tables follows from few figures. So they are kept and
handed on as these, and become an entry, or rows, where somebody needs them. What they amount to is what
`idsync.store.fold.fold` makes of the entry.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

from idsync.model.changes import ChangeSet
from idsync.model.identity import Mpid, TypeSet
from idsync.model.journal import NEW, ChangeKind
from idsync.model.standing import Newcomer
from idsync.store.rows import StoredChange, StoredEntry, StoredEvidence

__all__ = ["Birth", "birth_of", "welcomed"]

_CREATED: Final = ChangeKind.PROFILE_CREATED
_ADDED: Final = ChangeKind.IDENTITY_ADDED
_BECAME_KNOWN: Final = ChangeKind.BECAME_KNOWN


class Birth(NamedTuple):
    """An entry that is a birth, told by what sets it apart from others.

    Attributes:
        first_id: Id of the first identity; those that follow have the ids that follow.
        types: Types of its identities.
        values: Their values, in the same order.
        became_known: One of them is a login ID (ID-008).
    """

    seq: int
    at_ms: int
    cause: str
    rule: str
    request_id: str
    input_id: str
    mpid: Mpid
    source: Mpid | None
    first_id: int
    types: tuple[int, ...]
    values: tuple[str, ...]
    became_known: bool
    candidates: int
    previous_mpid: Mpid | None
    notices: tuple[tuple[int, int], ...]

    @property
    def ids(self) -> range:
        """Ids of its identities."""
        return range(self.first_id, self.first_id + len(self.types))

    def entry(self) -> StoredEntry:
        """Give the entry."""
        changes = [StoredChange(_CREATED, self.mpid, other=self.source)]
        changes += [
            StoredChange(_ADDED, self.mpid, identity_id, identity_type)
            for identity_id, identity_type in zip(self.ids, self.types, strict=True)
        ]
        if self.became_known:
            changes.append(StoredChange(_BECAME_KNOWN, self.mpid))
        evidence = StoredEvidence(
            tuple(self.ids), (), None, self.candidates, self.previous_mpid, self.notices
        )
        return StoredEntry(*self[:7], tuple(changes), evidence)

    def profile(
        self,
    ) -> tuple[Mpid, Mpid | None, int, int, int, int, int | None, bool, TypeSet, int, int]:
        """Give the profile as it is then, in the order of `ProfileRow`."""
        seq, at_ms, types = self.seq, self.at_ms, self.types
        type_set: TypeSet = 0
        for identity_type in types:
            type_set |= 1 << identity_type
        return self.mpid, self.source, seq, at_ms, seq, at_ms, None, False, type_set, len(types), seq

    def body(self) -> tuple[list[tuple[Any, ...]], tuple[Any, ...]]:
        """Give changes and evidence of the entry as `idsync.store.codec.pack` does."""
        mpid, ids = self.mpid, tuple(self.ids)
        changes: list[tuple[Any, ...]] = [(_CREATED, mpid, None, 0, self.source)]
        changes += [
            (_ADDED, mpid, identity_id, identity_type, None)
            for identity_id, identity_type in zip(ids, self.types, strict=True)
        ]
        if self.became_known:
            changes.append((_BECAME_KNOWN, mpid, None, 0, None))
        return changes, (ids, (), None, self.candidates, self.previous_mpid, self.notices)


def birth_of(change_set: ChangeSet, seq: int, at_ms: int, mpid: Mpid, first_id: int) -> Birth | None:
    """Make a birth of a change set whose conditions hold, if it is one.

    It takes more than a profile and identities that are new: what has an idempotency key is looked for by
    that, as an entry.
    """
    if change_set.mpid != NEW or change_set.idempotency_key is not None:
        return None
    evidence = change_set.evidence
    if evidence.matched or evidence.decided_by is not None:
        return None
    created, *changes = change_set.changes
    if created.kind is not _CREATED:
        return None
    became_known = changes[-1].kind is _BECAME_KNOWN if changes else False
    if became_known:
        changes.pop()
    types: list[int] = []
    values: list[str] = []
    holders = change_set.view.holders
    for kind, _, identity, _, _, _, _ in changes:
        if kind is not _ADDED or identity is None or holders(identity) is not None:
            return None
        types.append(identity[0])
        values.append(identity[1])
    if len(evidence.asked) != len(types):
        return None
    return Birth(
        seq,
        at_ms,
        change_set.cause,
        change_set.rule,
        change_set.request_id,
        change_set.input_id,
        mpid,
        created.other,
        first_id,
        tuple(types),
        tuple(values),
        became_known,
        evidence.candidates,
        evidence.previous_mpid,
        tuple([(int(n.type), int(n.reason)) for n in evidence.notices]),
    )


def welcomed(newcomer: Newcomer, seq: int, at_ms: int, mpid: Mpid, first_id: int) -> Birth:
    """Make a birth of somebody whose values nobody has or had."""
    return Birth(
        seq,
        at_ms,
        newcomer.cause,
        newcomer.rule,
        newcomer.request_id,
        newcomer.input_id,
        mpid,
        None,
        first_id,
        tuple([identity[0] for identity in newcomer.identities]),
        tuple([identity[1] for identity in newcomer.identities]),
        newcomer.is_known,
        0,
        None,
        tuple([(int(n.type), int(n.reason)) for n in newcomer.notices]),
    )
