"""Between journal entries as the model knows them and as they are kept, with identities by id."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final

from idsync.model.aliasing import AliasRecord, AliasTerms
from idsync.model.changes import ChangeSet
from idsync.model.identity import GraphKey, Identity, IdentityType, Mpid
from idsync.model.journal import Change, ChangeKind, Evidence, JournalEntry
from idsync.model.notice import Notice, NoticeReason
from idsync.store.rows import AliasRow, StoredChange, StoredEntry, StoredEvidence, StoredTerms

__all__ = ["alias_record", "from_stored", "pack", "stored_identities", "to_stored", "unpack"]

IdOf = Callable[[Identity], int]
"""Gives the id of an identity, a new one if need be."""
IdentityOf = Callable[[int], Identity]
"""Gives an identity by id; its value is empty once it was erased."""

_new: Final = tuple.__new__
_KINDS: Final = {int(kind): kind for kind in ChangeKind}
"""Looked up: calling the enumeration costs several times the rest of a change."""


def to_stored(change_set: ChangeSet, seq: int, at_ms: int, mpid: Mpid, id_of: IdOf) -> StoredEntry:
    """Turn a change set into the entry to keep; `mpid` takes the place of `NEW`."""
    evidence = change_set.evidence
    changes = tuple([_store_change(change, mpid, id_of) for change in change_set.changes])
    return StoredEntry(
        seq,
        at_ms,
        change_set.cause,
        change_set.rule,
        change_set.request_id,
        change_set.input_id,
        mpid,
        changes,
        StoredEvidence(
            tuple([id_of(i) for i in evidence.asked]),
            tuple([id_of(i) for i in evidence.matched]),
            None if evidence.decided_by is None else id_of(evidence.decided_by),
            evidence.candidates,
            evidence.previous_mpid,
            _store_notices(evidence.notices) if evidence.notices else (),
        ),
        change_set.idempotency_key,
    )


def _store_change(change: Change, mpid: Mpid, id_of: IdOf) -> StoredChange:
    kind, named, identity, other, terms, alias_seq, reason = change
    if identity is None:
        identity_id, identity_type = None, 0
    else:
        identity_id, identity_type = id_of(identity), identity.type
    stored_terms = None if terms is None else _store_terms(terms, id_of)
    # What StoredChange(...) does, in a third of the time: a new profile has half a dozen of them.
    return _new(
        StoredChange,
        (kind, named or mpid, identity_id, identity_type, other, stored_terms, alias_seq, reason),
    )


def _store_notices(notices: Iterable[Notice]) -> tuple[tuple[int, ...], ...]:
    """Give notices as they are kept: the position only where there is one."""
    return tuple([(int(n[0]), int(n[1]), n[2]) if n[2] else (int(n[0]), int(n[1])) for n in notices])


def _store_terms(terms: AliasTerms, id_of: IdOf) -> StoredTerms:
    stamp_id = None if terms.stamp is None else id_of(terms.stamp)
    return StoredTerms(*terms[:5], stamp_id, terms.apply_at_ms)


def _terms(stored: StoredTerms, identity_of: IdentityOf) -> AliasTerms:
    stamp = None if stored.stamp_id is None else identity_of(stored.stamp_id)
    return AliasTerms(*stored[:5], stamp, stored.apply_at_ms)


def stored_identities(entry: StoredEntry) -> set[int]:
    """Collect the ids of every identity that an entry names."""
    ids = {c.identity_id for c in entry.changes if c.identity_id is not None}
    ids.update(
        c.terms.stamp_id for c in entry.changes if c.terms is not None and c.terms.stamp_id is not None
    )
    ids.update(entry.evidence.asked, entry.evidence.matched)
    if entry.evidence.decided_by is not None:
        ids.add(entry.evidence.decided_by)
    return ids


def from_stored(graph: GraphKey, entry: StoredEntry, identity_of: IdentityOf) -> JournalEntry:
    """Turn a kept entry back into what readers see."""
    evidence = entry.evidence
    return JournalEntry(
        graph,
        entry.seq,
        entry.at_ms,
        entry.cause,
        entry.rule,
        entry.request_id,
        entry.input_id,
        entry.mpid,
        tuple(
            Change(
                c.kind,
                c.mpid,
                None if c.identity_id is None else identity_of(c.identity_id),
                c.other,
                None if c.terms is None else _terms(c.terms, identity_of),
                c.alias_seq,
                c.reason,
            )
            for c in entry.changes
        ),
        Evidence(
            tuple(identity_of(i) for i in evidence.asked),
            tuple(identity_of(i) for i in evidence.matched),
            None if evidence.decided_by is None else identity_of(evidence.decided_by),
            evidence.candidates,
            evidence.previous_mpid,
            tuple(Notice(IdentityType(t), NoticeReason(r), *seq) for t, r, *seq in evidence.notices),
        ),
        entry.idempotency_key,
    )


def alias_record(row: AliasRow, identity_of: IdentityOf) -> AliasRecord:
    """Turn a kept alias request back into what readers see."""
    return AliasRecord(
        row.seq, _terms(row.terms, identity_of), row.state, row.arrived_ms, row.ignored_reason, row.applied_ms
    )


def pack(entry: StoredEntry) -> tuple[Any, ...]:
    """Turn an entry into nested tuples of plain JSON values."""
    changes = tuple([_plain(change) for change in entry.changes])
    return (*entry[:7], changes, tuple(entry.evidence), entry.idempotency_key)


def _plain(change: StoredChange) -> tuple[Any, ...]:
    """Leave out at the end what most changes have not."""
    kind, mpid, identity_id, identity_type, other, terms, alias_seq, reason = change
    # orjson writes members of integer enumerations, but not subclasses of tuple
    if terms is None and not alias_seq and not reason:
        return (kind, mpid, identity_id, identity_type, other)
    packed_terms = None if terms is None else tuple(terms)
    return (kind, mpid, identity_id, identity_type, other, packed_terms, alias_seq, reason)


def unpack(packed: list[Any]) -> StoredEntry:
    """Undo `pack`, after a trip through JSON."""
    asked, matched, decided_by, candidates, previous, notices = packed[8]
    return StoredEntry(
        seq=packed[0],
        at_ms=packed[1],
        cause=packed[2],
        rule=packed[3],
        request_id=packed[4],
        input_id=packed[5],
        mpid=packed[6],
        changes=tuple(_unpack_change(*change) for change in packed[7]),
        evidence=StoredEvidence(
            tuple(asked), tuple(matched), decided_by, candidates, previous, tuple(map(tuple, notices))
        ),
        idempotency_key=packed[9],
    )


def _unpack_change(
    kind: int,
    mpid: Mpid,
    identity_id: int | None,
    identity_type: int,
    other: Mpid | None,
    terms: list[Any] | None = None,
    alias_seq: int = 0,
    reason: str = "",
) -> StoredChange:
    stored_terms = None if terms is None else StoredTerms(*terms)
    return _new(
        StoredChange,
        (_KINDS[kind], mpid, identity_id, identity_type, other, stored_terms, alias_seq, reason),
    )
