"""On which line a key of a TOML text stands: what a fault needs and no TOML reader tells."""

from __future__ import annotations

import tomllib
from typing import Final

import tree_sitter_toml
from tree_sitter import Language, Node, Parser

__all__ = ["Lines", "Path"]

Path = tuple[str | int, ...]
"""The way to a value: names of keys, and positions in arrays counted from 0."""

_VALUES: Final = frozenset(
    {
        "array",
        "boolean",
        "float",
        "inline_table",
        "integer",
        "local_date",
        "local_date_time",
        "local_time",
        "offset_date_time",
        "string",
    }
)


class Lines:
    """The lines of one TOML text that `tomllib` has accepted."""

    def __init__(self, text: str) -> None:
        self._lines: dict[Path, int] = {}
        self._elements: dict[Path, int] = {}
        self._read(Parser(Language(tree_sitter_toml.language())).parse(text.encode()).root_node)

    def find(self, path: Path) -> int:
        """Return the line, counted from 1, of the value at `path`, or of the nearest thing around it."""
        while path not in self._lines and path:
            path = path[:-1]
        return self._lines.get(path, 1)

    def _read(self, document: Node) -> None:
        for node in document.named_children:
            match node.type:
                case "pair":
                    self._read_pair((), node)
                case "table" | "table_array_element":
                    table = self._open_table(node)
                    for pair in node.named_children:
                        if pair.type == "pair":
                            self._read_pair(table, pair)
                case _:
                    pass

    def _open_table(self, node: Node) -> Path:
        """Note where a table begins, and return its path: a name may lead through an array of tables."""
        path: Path = ()
        for name in _names(node.named_children[0]):
            if path in self._elements:
                path = (*path, self._elements[path] - 1)
            path = (*path, name)
            self._lines.setdefault(path, _line(node))
        if node.type == "table_array_element":
            self._elements[path] = self._elements.get(path, 0) + 1
            path = (*path, self._elements[path] - 1)
        self._lines[path] = _line(node)
        return path

    def _read_pair(self, table: Path, pair: Node) -> None:
        key, value = pair.named_children[0], pair.named_children[-1]
        path = table
        for name in _names(key):
            path = (*path, name)
            self._lines.setdefault(path, _line(pair))
        self._read_value(path, value)

    def _read_value(self, path: Path, value: Node) -> None:
        if value.type == "inline_table":
            for pair in value.named_children:
                if pair.type == "pair":
                    self._read_pair(path, pair)
        elif value.type == "array":
            elements = (node for node in value.named_children if node.type in _VALUES)
            for position, element in enumerate(elements):
                self._lines[*path, position] = _line(element)
                self._read_value((*path, position), element)


def _line(node: Node) -> int:
    return node.start_point[0] + 1


def _names(key: Node) -> list[str]:
    """Take a key apart, quotes and escapes included, by the reader that knows how."""
    table: object = tomllib.loads(f"{(key.text or b'').decode()} = true")
    names: list[str] = []
    while isinstance(table, dict):
        [(name, table)] = table.items()
        names.append(name)
    return names
