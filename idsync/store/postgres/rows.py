"""Rows as the driver gives them, and rows of ours."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, Final

import orjson

from idsync.model.aliasing import AliasState
from idsync.model.flag import Flag
from idsync.model.identity import Identity
from idsync.store.codec import unpack
from idsync.store.rows import AliasRow, IdentityRow, LinkRow, ProfileRow, StoredEntry, StoredTerms
from idsync.store.sql.free_text import unescaped

__all__ = [
    "DESCRIPTIVE",
    "HeldIdentity",
    "alias_row",
    "digest",
    "entry_row",
    "held_identity",
    "link_row",
    "pack_flags",
    "pack_holders",
    "profile_row",
    "value_keys",
]

DESCRIPTIVE: Final = -1
"""The kind of links that are not on the record; all others are a set of types."""


@dataclass(slots=True)
class HeldIdentity:
    """A node, and how many hold it.

    Attributes:
        row: The node.
        holders: Counts by kind: the types on the holder's record, or `DESCRIPTIVE`.
        must_nots: How many members of standing must-not-links it is.
        flags: The flags that stand, each with the position of the entry that raised it.
    """

    row: IdentityRow
    holders: dict[int, int] = field(default_factory=dict)
    must_nots: int = 0
    flags: dict[Flag, int] = field(default_factory=dict)


def digest(value: bytes) -> bytes:
    """Give the key under which a value is indexed."""
    return sha256(value).digest()


def value_keys(identities: Iterable[Identity]) -> tuple[list[int], list[bytes]]:
    """Give what identities are looked up by: types and digests."""
    wanted = list(identities)
    return [int(i.type) for i in wanted], [digest(i.value.encode()) for i in wanted]


def held_identity(row: Sequence[Any]) -> HeldIdentity:
    """Read an identity."""
    identity_id, type_, value, version, holders, must_nots, flags = row
    packed = orjson.loads(holders) if holders else []
    counts = dict(zip(packed[::2], packed[1::2], strict=True))
    return HeldIdentity(
        IdentityRow(identity_id, type_, None if value is None else value.decode(), version),
        counts,
        must_nots or 0,
        _unpack_flags(flags) if flags else {},
    )


def _unpack_flags(packed: bytes) -> dict[Flag, int]:
    parts = orjson.loads(packed)
    return {Flag(kind): seq for kind, seq in zip(parts[::2], parts[1::2], strict=True)}


def pack_flags(flags: Mapping[Flag, int]) -> bytes | None:
    """Write flags; `None` where there are none."""
    if not flags:
        return None
    return orjson.dumps([part for flag in sorted(flags) for part in (int(flag), flags[flag])])


def pack_holders(holders: Mapping[int, int]) -> bytes:
    """Write counts by kind; kinds that nobody is of are left out."""
    return orjson.dumps([part for kind in sorted(holders) if holders[kind] for part in (kind, holders[kind])])


def profile_row(row: Sequence[Any]) -> ProfileRow:
    """Read a profile."""
    profile = ProfileRow(*row)
    profile.erased = bool(profile.erased)
    return profile


def link_row(row: Sequence[Any]) -> LinkRow:
    """Read an open link."""
    identity_id, mpid, since_seq, position, descriptive = row
    return LinkRow(identity_id, mpid, since_seq, position, None, bool(descriptive))


def alias_row(row: Sequence[Any]) -> AliasRow:
    """Read an alias request."""
    values = tuple(row)
    return AliasRow(values[0], StoredTerms(*values[1:8]), AliasState(values[8]), *values[9:13])


def entry_row(row: Sequence[Any]) -> StoredEntry:
    """Read a journal entry."""
    seq, at_ms, cause, rule, request_id, input_id, mpid, body, key = row
    changes, evidence = orjson.loads(body)
    known_key = None if key is None else unescaped(key)
    said = (unescaped(request_id), unescaped(input_id))
    return unpack([seq, at_ms, cause, rule, *said, mpid, changes, evidence, known_key])
