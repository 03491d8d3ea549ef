"""The flags of one graph that stand: all of them are resident, as few values ever get one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from idsync.model.flag import Flag
from idsync.store.rows import FlagRow

__all__ = ["StandingFlags"]

_NONE: Final[Mapping[Flag, int]] = {}


class StandingFlags:
    """Finds flags by the id of their identity."""

    def __init__(self, rows: Iterable[FlagRow]) -> None:
        self._of: dict[int, dict[Flag, int]] = {}
        self._quarantined = 0
        for row in rows:
            self.add(row)

    @property
    def has_quarantined(self) -> bool:
        """Whether any of them is a quarantine."""
        return self._quarantined > 0

    def add(self, row: FlagRow) -> None:
        """Add one."""
        flags = self._of.setdefault(row.identity_id, {})
        if row.kind == Flag.QUARANTINE and Flag.QUARANTINE not in flags:
            self._quarantined += 1
        flags[Flag(row.kind)] = row.seq

    def end(self, identity_id: int, kind: int | None) -> None:
        """Take one off an identity, or all that it has."""
        flags = self._of.get(identity_id, {})
        for flag in [flag for flag in flags if kind in {None, flag}]:
            del flags[flag]
            self._quarantined -= flag is Flag.QUARANTINE
        if not flags:
            self._of.pop(identity_id, None)

    def of(self, identity_id: int) -> Mapping[Flag, int]:
        """Give those of an identity, each with the position of the entry that raised it."""
        return dict(self._of.get(identity_id, _NONE))
