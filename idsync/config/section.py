"""One table of a configuration: gives typed values, and reports every key that nobody knows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, TypeVar

from idsync.config.faults import Faults
from idsync.config.keys import Key
from idsync.config.kinds import called, suggestion
from idsync.config.lines import Path

__all__ = ["Section"]

T = TypeVar("T")


class Section:
    """A table and its place in the file. Faults are noted, never raised, so that all are found."""

    def __init__(
        self,
        table: object,
        path: Path,
        faults: Faults,
        keys: Iterable[Key[Any]] = (),
        tables: Iterable[str] = (),
    ) -> None:
        """Open a table.

        Args:
            table: What stands at the place; a fault unless it is a table.
            path: The place.
            faults: Where faults are noted.
            keys: The keys it may have; required ones must be there.
            tables: Names of the tables and lists of tables that it may have.
        """
        self.path = path
        self.faults = faults
        self._unreadable: set[str] = set()
        self._table: Mapping[str, object] = {}
        if not isinstance(table, dict):
            faults.add(path, f"must be a table, not {called(table)}")
            return
        self._table = table
        keys = tuple(keys)
        known = (*(key.name for key in keys), *tables)
        for name in table:
            if name not in known:
                self.fault(f"unknown key{suggestion(name, known)}", name)
        for key in keys:
            if key.required and key.name not in table:
                self.fault(f"{key.name} is missing")

    def __contains__(self, key: Key[Any]) -> bool:
        return key.name in self._table

    def read(self, key: Key[T]) -> T:
        """Return a key's value, or its default if the key is absent or cannot be read."""
        if key.name not in self._table:
            return key.default
        value: T | None = key.kind(
            self._table[key.name], lambda text, inner: self.fault(text, key.name, *inner)
        )
        if value is None:
            self._unreadable.add(key.name)
            return key.default
        return value

    def unreadable(self, *keys: Key[Any]) -> bool:
        """Say whether one of these keys, read before, had no value that could be used."""
        return any(key.name in self._unreadable for key in keys)

    def fault(self, text: str, *inner: str | int) -> None:
        """Note a fault of this table, or of what stands at the path `inner` in it."""
        self.faults.add((*self.path, *inner), text)

    def child(self, name: str, keys: Iterable[Key[Any]], tables: Iterable[str] = ()) -> Section | None:
        """Open the table of this name; `None` if it is not there."""
        if name not in self._table:
            return None
        return Section(self._table[name], (*self.path, name), self.faults, keys, tables)

    def named_children(
        self, name: str, keys: Iterable[Key[Any]], tables: Iterable[str] = ()
    ) -> Iterator[tuple[str, Section]]:
        """Open the tables below table `name`, whose names are the operator's choice."""
        below = self._table.get(name, {})
        if not isinstance(below, dict):
            self.fault(f"must be a table, not {called(below)}", name)
            return
        keys, tables = tuple(keys), tuple(tables)
        for chosen, table in below.items():
            if not chosen or chosen != chosen.strip() or not chosen.isprintable():
                self.fault("a name has visible characters only, and no blank at either end", name, chosen)
            yield chosen, Section(table, (*self.path, name, chosen), self.faults, keys, tables)

    def children(self, name: str, keys: Iterable[Key[Any]]) -> Iterator[Section]:
        """Open the tables of the list `name`, one after another; no such list is an empty one."""
        below = self._table.get(name, [])
        if not isinstance(below, list):
            self.fault(f"must be a list of tables, each under [[...{name}]], not {called(below)}", name)
            return
        keys = tuple(keys)
        for position, table in enumerate(below):
            yield Section(table, (*self.path, name, position), self.faults, keys)
