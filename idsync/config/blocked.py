"""What `blocked_values` may be: the shipped list by its name, or a table with entries of one's own."""

from __future__ import annotations

from typing import Final

from idsync.config.kinds import Report, called, flag, suggestion, type_named
from idsync.config.lines import Path
from idsync.model.blocking import MAX_ENTRIES, MAX_PATTERNS, BlockedValues, entry_fault
from idsync.model.identity import TYPES_BY_NAME, IdentityType

__all__ = ["ANY", "SHIPPED", "blocked", "blocked_document"]

SHIPPED: Final = "shipped"
"""Alone: the shipped list and no more. In a table: whether it holds."""
ANY: Final = "any"
"""In a table: entries for all types."""


def blocked(value: object, report: Report) -> BlockedValues | None:
    """Accept `"shipped"`, or a table of lists by identity type, with `shipped` and `any` beside them."""
    if isinstance(value, str):
        if value == SHIPPED:
            return BlockedValues()
        report(f'must be "{SHIPPED}" or a table', ())
        return None
    if not isinstance(value, dict):
        report(f'must be "{SHIPPED}" or a table, not {called(value)}', ())
        return None
    shipped = True
    found: dict[IdentityType | None, tuple[str, ...]] = {}
    for name, element in value.items():
        inside = _inside(report, name)
        if name == SHIPPED:
            shipped = flag(element, inside) is not False
            continue
        if name != ANY and name not in TYPES_BY_NAME:
            report(f"unknown identity type{suggestion(name, (ANY, SHIPPED, *TYPES_BY_NAME))}", (name,))
            continue
        kind = None if name == ANY else type_named(name, report, (name,))
        if kind in found:
            inside("is named twice", ())
        found[kind] = _entries(element, inside)
    # no entries of a type and no list for it are the same
    return BlockedValues(shipped, {kind: entries for kind, entries in found.items() if entries})


def blocked_document(values: BlockedValues) -> dict[str, object]:
    """Write them as a table that `blocked` reads; equal ones are written alike."""
    document: dict[str, object] = {SHIPPED: values.shipped}
    for kind in sorted(values.entries, key=lambda kind: 0 if kind is None else kind.value):
        document[ANY if kind is None else kind.wire_name] = list(values.entries[kind])
    return document


def _entries(value: object, report: Report) -> tuple[str, ...]:
    if not isinstance(value, list):
        report(f"must be a list of strings, not {called(value)}", ())
        return ()
    if len(value) > MAX_ENTRIES:
        report(f"must have at most {MAX_ENTRIES} entries", ())
        return ()
    entries: list[str] = []
    for position, element in enumerate(value):
        if not isinstance(element, str):
            report(f"must be a string, not {called(element)}", (position,))
            continue
        fault = entry_fault(element)
        if fault is not None:
            report(fault, (position,))
        entries.append(element)
    if sum("*" in entry for entry in entries) > MAX_PATTERNS:
        report(f"must have at most {MAX_PATTERNS} entries with a *", ())
    return tuple(entries)


def _inside(report: Report, name: str) -> Report:
    def report_inside(fault: str, inner: Path) -> None:
        report(fault, (name, *inner))

    return report_inside
