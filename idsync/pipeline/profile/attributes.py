"""What a batch says of attributes: which writes count, and when each became so (PR-010 to PR-016)."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final, NamedTuple

from idsync.pipeline.profile.record import Scalar, Value, Written

__all__ = [
    "MAX_LIST_ENTRIES",
    "MAX_LIST_ENTRY_CHARS",
    "MAX_NAME_CHARS",
    "MAX_PER_BATCH",
    "MAX_VALUE_CHARS",
    "AttributeChange",
    "attributes_of",
    "is_scalar",
]

MAX_PER_BATCH: Final = 100
"""Attributes that one batch may write (EV-010)."""
MAX_NAME_CHARS: Final = 256
MAX_VALUE_CHARS: Final = 4_096
MAX_LIST_ENTRIES: Final = 1_000
MAX_LIST_ENTRY_CHARS: Final = 512

_INT64: Final = 2**63


class AttributeChange(NamedTuple):
    """A `user_attribute_change` event.

    Attributes:
        at_ms: When it happened, UTC milliseconds.
        data: The event's members.
    """

    at_ms: int
    data: Mapping[str, object]


def attributes_of(
    body: Mapping[str, object],
    changes: Sequence[AttributeChange],
    at_ms: int,
    arrival: int,
    *,
    applies_map: bool,
    warn: Callable[[str], None],
) -> dict[str, Written]:
    """Collect what a batch writes, by name.

    An attribute with a change event becomes so at the time of the event, whatever the map says of it
    (PR-013); where the map both has and deletes one, it is there.

    Args:
        body: The batch.
        changes: Its change events.
        at_ms: When what the map says became so.
        arrival: The number of the batch.
        applies_map: Whether the map is applied as it is, as for servers; else it is context (PR-016).
        warn: Told a word of ours for each attribute that is refused.
    """
    writes: dict[str, Written] = {}
    place = 0
    for name, value, is_deleted, when_ms in _told(body, changes, at_ms, applies_map=applies_map):
        place += 1
        fault = _name_fault(name)
        if fault is None and not is_deleted:
            fault = _value_fault(value)
        if fault is not None or not isinstance(name, str):
            warn(fault or "attribute_name")
            continue
        key = _text(_folded(name))
        if key not in writes and len(writes) >= MAX_PER_BATCH:
            warn("too_many_attributes")
            continue
        write = Written(when_ms, arrival, place, None if is_deleted else _kept(value), is_deleted)
        writes[key] = write.later(writes.get(key))
    return writes


def _told(
    body: Mapping[str, object], changes: Sequence[AttributeChange], at_ms: int, *, applies_map: bool
) -> Iterator[tuple[object, object, bool, int]]:
    """Give name, value, whether it is deleted, and when, in the order in which they take effect."""
    if applies_map:
        changed = {_folded(change.data.get("user_attribute_name")) for change in changes}
        deleted = body.get("deleted_user_attributes")
        if isinstance(deleted, list):
            yield from ((name, None, True, at_ms) for name in deleted if _folded(name) not in changed)
        attributes = body.get("user_attributes")
        if isinstance(attributes, dict):
            for name, value in attributes.items():
                if _folded(name) not in changed:
                    yield name, value, False, at_ms
    for change in changes:
        data = change.data
        yield data.get("user_attribute_name"), data.get("new"), data.get("deleted") is True, change.at_ms


def _folded(name: object) -> str:
    if not isinstance(name, str):
        return ""
    return name.lower() if name.startswith("$") else name


def _name_fault(name: object) -> str | None:
    return None if isinstance(name, str) and 0 < len(name) <= MAX_NAME_CHARS else "attribute_name"


def _value_fault(value: object) -> str | None:
    if isinstance(value, list):
        if len(value) > MAX_LIST_ENTRIES:
            return "attribute_list"
        is_sound = all(each is not None and is_scalar(each, MAX_LIST_ENTRY_CHARS) for each in value)
        return None if is_sound else "attribute_list"
    return None if value is None or is_scalar(value, MAX_VALUE_CHARS) else "attribute_value"


def is_scalar(value: object, max_chars: int = MAX_VALUE_CHARS) -> bool:
    """Say whether a value is a text that is not too long, or a number or boolean that can be stored."""
    if isinstance(value, str):
        return len(value) <= max_chars
    if isinstance(value, float):
        return math.isfinite(value)
    # a bool is an int, too
    return isinstance(value, int) and -_INT64 <= value < _INT64


def _kept(value: object) -> Value:
    """Give a sound value as it can be written: half surrogate pairs are replaced."""
    if isinstance(value, list):
        return [_scalar(each) for each in value]
    return None if value is None else _scalar(value)


def _scalar(value: object) -> Scalar:
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, (bool, int, float)):
        return value
    raise TypeError("no sound value")  # pragma: no cover - what is not sound was refused


def _text(value: str) -> str:
    return value if value.isascii() else value.encode("utf-8", "replace").decode()
