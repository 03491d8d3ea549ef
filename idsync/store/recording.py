"""Recorded calls as they are kept: identities by id, and how the values behind the ids are found."""

from __future__ import annotations

import secrets
from collections.abc import Collection, Iterator, Mapping
from typing import Any, Final

import orjson

from idsync.model.identity import Identity
from idsync.model.recording import RecordedCall

__all__ = ["body_of", "call_ids", "first_call_id", "named_by", "unknown_ids"]

_SPARE_BITS: Final = 20
"""Of a call's id, beside the millisecond: the calls of one write, from a number drawn by chance."""


def call_ids(at_ms: int, after: int = 0) -> Iterator[int]:
    """Give ids for calls that are written together, greater than one that was given before."""
    first = max((at_ms << _SPARE_BITS) + secrets.randbits(_SPARE_BITS - 1), after + 1)
    yield from range(first, first + (1 << (_SPARE_BITS - 1)))


def first_call_id(at_ms: int) -> int:
    """Give the least id that a call of a moment may have."""
    return at_ms << _SPARE_BITS


def named_by(calls: Collection[RecordedCall]) -> set[Identity]:
    """Collect the identities that calls name."""
    named = {identity for call in calls for identity in call.identities}
    sides = (side for call in calls for change in call.changes for side in (change.old, change.new))
    return named.union(side for side in sides if side is not None)


def body_of(call: RecordedCall, ids: Mapping[Identity, int]) -> bytes:
    """Write what a call sent, identities by id."""
    if not call.changes:
        return orjson.dumps([ids[identity] for identity in call.identities])
    return orjson.dumps(
        [
            [int(c.type), None if c.old is None else ids[c.old], None if c.new is None else ids[c.new]]
            for c in call.changes
        ]
    )


def unknown_ids(body: bytes) -> set[int]:
    """Collect the values of the record's own dictionary that a call names."""
    found: list[Any] = orjson.loads(body)
    ids = (i for item in found for i in (item[1:] if isinstance(item, list) else (item,)))
    return {-i for i in ids if i is not None and i < 0}
