"""A row of the table of versions, read without SQLAlchemy or with it."""

from __future__ import annotations

from typing import Any

from idsync.model.settings_version import SettingsVersion

__all__ = ["version_of"]


def version_of(row: Any) -> SettingsVersion:
    """Read a row of the table, in the order of its columns.

    One without a moment was written before there were staged ones, and held at once.
    """
    scope, number, author, at_ms, settings, effective_ms, note, repair, gone_ms, by, why, *marks = row
    taken_ms, repaired_ms = marks
    return SettingsVersion(
        scope,
        number,
        author,
        at_ms,
        at_ms if effective_ms is None else effective_ms,
        settings,
        note or "",
        bool(repair),
        gone_ms,
        by or "",
        why or "",
        at_ms if effective_ms is None else taken_ms,
        repaired_ms,
    )
