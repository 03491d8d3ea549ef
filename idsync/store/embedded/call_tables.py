"""Calls become rows of the tables that record them: raw SQL, on the connection of the fold.

A value that the graph does not know gets a number in a dictionary of the record's own, `recorded_value`.
"""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from functools import cache
from itertools import islice
from typing import Any, Final, TypeAlias

import orjson

from idsync.model.identity import Mpid
from idsync.store.embedded.loader import digest
from idsync.store.recording import first_call_id, unknown_ids

__all__ = ["CallTables"]

_Value: TypeAlias = tuple[int, str]
_Key: TypeAlias = tuple[int, bytes]

_AT_ONCE: Final = 256
"""Keys of one look-up; longer lists take several."""
_DROPPED_AT_ONCE: Final = 2_000
"""Rows that one transaction removes: entries wait meanwhile."""

# CROSS JOIN leads from the keys to the rows, whatever the planner thinks of either
_IDENTITIES: Final = (
    "WITH k(t, d) AS (VALUES {}) SELECT i.type, i.digest, i.identity_id FROM k "
    "CROSS JOIN identity i ON i.graph_id = ? AND i.type = k.t AND i.digest = k.d"
)
_VALUES: Final = (
    "WITH k(t, d) AS (VALUES {}) SELECT v.type, v.digest, v.value_id FROM k "
    "CROSS JOIN recorded_value v ON v.graph_id = ? AND v.type = k.t AND v.digest = k.d"
)
_HELD: Final = (
    "SELECT 1 FROM link WHERE graph_id = ? AND identity_id = ? AND until_seq IS NULL "
    "AND mpid NOT IN (SELECT value FROM json_each(?)) LIMIT 1"
)
_RECORD: Final = (
    "INSERT INTO recorded_call "
    "(graph_id, call_id, after_seq, seq, operation, mpid, named, rule, count, body) "
    "VALUES (?,?,?,?,?,?,?,?,?,?)"
)
_SPAN: Final = (
    "INSERT INTO recorded_span (graph_id, node, from_seq, to_seq, not_recorded, at_ms) VALUES (?,?,?,?,?,?) "
    "ON CONFLICT (graph_id, node) DO UPDATE SET to_seq = excluded.to_seq, "
    "not_recorded = excluded.not_recorded, at_ms = excluded.at_ms"
)


class CallTables:
    """Writes what was recorded of calls, each time in one transaction.

    Args:
        connection: To the tables; without a transaction of its own.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._tables = connection

    def record(self, at_ms: int, rows: list[list[Any]]) -> int:
        """Write calls.

        Args:
            at_ms: When, in UTC milliseconds.
            rows: The columns of `recorded_call`; in the place of the body what was sent, with the id of each
                value, or where the graph has none in memory its type and the value.
        """
        with self._transaction():
            unknown: defaultdict[int, set[_Value]] = defaultdict(set)
            for row in rows:
                unknown[row[0]].update(_values(row[9]))
            ids = {graph_id: self._ids(graph_id, found, at_ms) for graph_id, found in unknown.items()}
            for row in rows:
                row[9] = _body(row[9], ids[row[0]])
            self._tables.executemany(_RECORD, rows)
        return len(rows)

    def _ids(self, graph_id: int, values: Collection[_Value], at_ms: int) -> dict[_Value, int]:
        """Give the id of each value: the graph's, else below 0 that of the record's own dictionary."""
        keys = {(kind, digest(value.encode())): (kind, value) for kind, value in values}
        found = {keys[kind, key]: number for kind, key, number in self._look(_IDENTITIES, graph_id, keys)}
        keys = {key: value for key, value in keys.items() if value not in found}
        recorded = list(self._look(_VALUES, graph_id, keys))
        self._tables.executemany(
            "UPDATE recorded_value SET at_ms = ? WHERE graph_id = ? AND value_id = ?",
            [(at_ms, graph_id, number) for _, _, number in recorded],
        )
        for kind, key, number in recorded:
            found[keys.pop((kind, key))] = -number
        if keys:
            row = self._tables.execute(
                "SELECT max(value_id) FROM recorded_value WHERE graph_id = ?", (graph_id,)
            )
            first = max((row.fetchone()[0] or 0) + 1, first_call_id(at_ms))
            self._tables.executemany(
                "INSERT INTO recorded_value (graph_id, value_id, type, digest, value, at_ms) "
                "VALUES (?,?,?,?,?,?)",
                [
                    (graph_id, number, kind, key, value.encode(), at_ms)
                    for number, ((kind, key), (_, value)) in enumerate(keys.items(), first)
                ],
            )
            found.update((value, -number) for number, value in enumerate(keys.values(), first))
        return found

    def _look(self, text: str, graph_id: int, keys: Iterable[_Key]) -> Iterator[tuple[int, bytes, int]]:
        remaining = iter(keys)
        while chunk := list(islice(remaining, _AT_ONCE)):
            parameters = [part for key in chunk for part in key]
            yield from self._tables.execute(_with_keys(text, len(chunk)), (*parameters, graph_id)).fetchall()

    def span(self, graph_id: int, node: int, from_seq: int, to_seq: int, lost: int, at_ms: int) -> int:
        """Write how far one process has recorded a graph; where it began stays as it was said first."""
        with self._transaction():
            self._tables.execute(_SPAN, (graph_id, node, from_seq, to_seq, lost, at_ms))
        return 1

    def forget(self, graph_id: int, mpids: list[Mpid], values: list[list[Any]]) -> int:
        """Empty these values, and those that calls of profiles named, unless another live one holds them."""
        but_for = orjson.dumps(mpids).decode()
        with self._transaction():
            bodies = self._tables.execute(
                "SELECT body FROM recorded_call WHERE graph_id = ? "
                "AND mpid IN (SELECT value FROM json_each(?))",
                (graph_id, but_for),
            )
            named = sorted({number for (body,) in bodies for number in unknown_ids(body)})
            keys: dict[_Key, int] = {}
            for kind, key, number in self._tables.execute(
                "SELECT type, digest, value_id FROM recorded_value WHERE graph_id = ? "
                "AND value_id IN (SELECT value FROM json_each(?)) AND digest IS NOT NULL",
                (graph_id, orjson.dumps(named).decode()),
            ):
                keys[kind, key] = number
            asked = [(kind, digest(value.encode())) for kind, value in values]
            keys.update(((kind, key), number) for kind, key, number in self._look(_VALUES, graph_id, asked))
            for kind, key, identity_id in self._look(_IDENTITIES, graph_id, list(keys)):
                if self._tables.execute(_HELD, (graph_id, identity_id, but_for)).fetchone():
                    del keys[kind, key]
            self._tables.executemany(
                "UPDATE recorded_value SET digest = NULL, value = NULL WHERE graph_id = ? AND value_id = ?",
                [(graph_id, number) for number in keys.values()],
            )
        return len(keys)

    def drop(self, before_ms: int) -> int:
        """Remove some of what is older, and say of which entries nothing is recorded any more.

        Returns:
            How many rows that were; 0: there are no more.
        """
        before = first_call_id(before_ms)
        with self._transaction():
            for (graph_id,) in self._tables.execute("SELECT graph_id FROM graph").fetchall():
                last, count = self._tables.execute(
                    "SELECT max(after_seq), count(*) FROM (SELECT after_seq FROM recorded_call "
                    "WHERE graph_id = ? AND call_id < ? ORDER BY call_id LIMIT ?)",
                    (graph_id, before, _DROPPED_AT_ONCE),
                ).fetchone()
                if count:
                    self._drop_calls(graph_id, before, last)
                    return int(count)
                # a value is numbered when it is named first, and never named before that
                removed = self._tables.execute(
                    "DELETE FROM recorded_value WHERE graph_id = ? AND value_id IN (SELECT value_id "
                    "FROM recorded_value WHERE graph_id = ? AND value_id < ? AND at_ms < ? LIMIT ?)",
                    (graph_id, graph_id, before, before_ms, _DROPPED_AT_ONCE),
                ).rowcount
                if removed:
                    return removed
        return 0

    def _drop_calls(self, graph_id: int, before: int, last: int) -> None:
        self._tables.execute(
            "DELETE FROM recorded_call WHERE graph_id = ? AND call_id IN (SELECT call_id FROM recorded_call "
            "WHERE graph_id = ? AND call_id < ? ORDER BY call_id LIMIT ?)",
            (graph_id, graph_id, before, _DROPPED_AT_ONCE),
        )
        self._tables.execute(
            "UPDATE recorded_span SET from_seq = min(to_seq, ?) WHERE graph_id = ? AND from_seq < ?",
            (last, graph_id, last),
        )

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._tables.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._tables.execute("COMMIT")
        except BaseException:
            if self._tables.in_transaction:
                self._tables.execute("ROLLBACK")
            raise


@cache
def _with_keys(text: str, keys: int) -> str:
    return text.format(",".join(["(?,?)"] * keys))


def _values(sent: list[Any]) -> Iterator[_Value]:
    """Give the values that stand for themselves: a pair is one, and a change has two sides."""
    for item in sent:
        if type(item) is list:
            if len(item) == _PAIR:
                yield item[0], item[1]
            else:
                yield from _values(item[1:])


_PAIR: Final = 2


def _body(sent: list[Any], ids: dict[_Value, int]) -> bytes:
    """Put ids in the place of values."""
    return orjson.dumps(_numbered(sent, ids) if ids else sent)


def _numbered(sent: list[Any], ids: dict[_Value, int]) -> list[Any]:
    return [
        item
        if type(item) is not list
        else ids[item[0], item[1]]
        if len(item) == _PAIR
        else [item[0], *_numbered(item[1:], ids)]
        for item in sent
    ]
