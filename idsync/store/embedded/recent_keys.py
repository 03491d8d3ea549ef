"""Idempotency keys of entries that the tables do not contain yet."""

from __future__ import annotations

from typing import TypeAlias

from idsync.store.rows import StoredEntry

__all__ = ["KeyName", "RecentKeys"]

KeyName: TypeAlias = tuple[int, str, str]
"""Number of the graph, input, key."""


class RecentKeys(dict[KeyName, tuple[StoredEntry, int]]):
    """Entries with the numbers of their groups."""

    def note(self, graph_id: int, entry: StoredEntry, group: int) -> None:
        """Keep an entry, if it has a key."""
        if entry.idempotency_key is not None:
            self[graph_id, entry.input_id, entry.idempotency_key] = (entry, group)

    def forget(self, up_to: int) -> None:
        """Drop the entries of groups that the tables contain."""
        for name in [name for name, (_, group) in self.items() if group <= up_to]:
            del self[name]
