"""How the rows of one person look in every table, learned from a few people whom the real service has met.

What a person adds to the tables is the same for everybody but for numbers that grow by a fixed step from one
person to the next (positions, identity ids, times), the MPID, and what holds the person's digits. So nobody
here has to know the schema, and a column that cannot be understood is an error, not a guess.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import orjson

__all__ = ["TABLES", "Row", "learn", "rows_of"]

TABLES: Final = ("identity", "profile", "link", "directory", "journal")
"""What a new person adds to, in the order of writing."""

Table = Sequence[tuple[Any, ...]]


@dataclass(frozen=True)
class Row:
    """One row of a person as SQL expressions over `n`, `mpid` and `digits`, in the order of columns."""

    expressions: tuple[str, ...]


def rows_of(connection: sqlite3.Connection, seen: Mapping[str, Table]) -> dict[str, Table]:
    """Read the rows of every table that were not there before, in the order of their keys."""
    found: dict[str, Table] = {}
    for table in TABLES:
        before = set(seen.get(table, ()))
        rows = connection.execute(f"SELECT * FROM {table}").fetchall()
        found[table] = sorted((row for row in rows if row not in before), key=lambda row: row[:3])
    return found


@dataclass(frozen=True)
class _People:
    """What tells the three people apart whom the rows are of, first to last."""

    mpids: tuple[int, ...]
    digits: tuple[str, ...]


def learn(
    people: Sequence[Mapping[str, Table]], mpids: Sequence[int], digits: Sequence[str]
) -> dict[str, list[Row]]:
    """Find the rows of person `n` from those of the people 0, 1 and 2, whose MPIDs and digits are given.

    The expressions use the SQL function `digest(value)`.

    Raises:
        ValueError: The people differ in a way that is not understood.
    """
    told = _People(tuple(mpids), tuple(digits))
    learned: dict[str, list[Row]] = {}
    for table in TABLES:
        alike = list(zip(*(person[table] for person in people), strict=True))
        learned[table] = [
            Row(tuple(_expression(table, row, column, told) for column in range(len(row[0]))))
            for row in alike
        ]
    return learned


def _expression(table: str, rows: Sequence[tuple[Any, ...]], column: int, told: _People) -> str:
    values = tuple(row[column] for row in rows)
    if all(value is None for value in values):
        return "NULL"
    if all(isinstance(value, int) for value in values):
        return _number(values, told)
    if all(isinstance(value, str) for value in values):
        return f"'{_pattern(values, told)}'" if len(set(values)) == 1 else _text(values, told)
    if table == "journal" and all(isinstance(value, bytes) for value in values):
        return f"CAST({_json([orjson.loads(value) for value in values], told)} AS BLOB)"
    if all(isinstance(value, bytes) and len(value) == 32 for value in values):
        # the digest of a value stands beside it
        value = next(c for c, cell in enumerate(rows[0]) if isinstance(cell, bytes) and c != column)
        return f"digest({_expression(table, rows, value, told)})"
    return f"CAST({_text(tuple(value.decode() for value in values), told)} AS BLOB)"


def _number(values: tuple[int, ...], told: _People) -> str:
    if values == told.mpids:
        return "mpid"
    first, second, third = values
    if third - second != second - first:
        raise ValueError(f"numbers that do not grow evenly: {values}")
    return str(first) if first == second else f"({first} + {second - first} * n)"


def _text(values: tuple[str, ...], told: _People) -> str:
    [pattern] = {_pattern((value,), told, at) for at, value in enumerate(values)}
    before, _, after = pattern.partition("\0")
    return f"('{before}' || digits || '{after}')"


def _pattern(values: tuple[str, ...], told: _People, at: int = 0) -> str:
    """Put NUL for the digits of a person."""
    pattern = values[0].replace(told.digits[at], "\0")
    if "'" in pattern or pattern.count("\0") > 1:
        raise ValueError(f"a text that is not understood: {values[0]}")
    return pattern


def _json(documents: Sequence[Any], told: _People) -> str:
    """Write nested lists of numbers as one `printf`."""
    arguments: list[str] = []

    def write(parts: Sequence[Any]) -> str:
        if all(isinstance(part, list) for part in parts):
            inner = (write(part) for part in zip(*parts, strict=True))
            return "[" + ",".join(inner) + "]"
        if all(isinstance(part, int) and not isinstance(part, bool) for part in parts):
            arguments.append(_number(tuple(parts), told))
            return "%lld"
        if len({orjson.dumps(part) for part in parts}) != 1:
            raise ValueError("journal entries that differ in more than numbers")
        return orjson.dumps(parts[0]).decode().replace("'", "''").replace("%", "%%")

    form = write(documents)
    return f"printf('{form}', {', '.join(arguments)})"
