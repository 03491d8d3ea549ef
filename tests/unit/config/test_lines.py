"""A fault names the line of the key it is about."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from itertools import islice

import pytest

from idsync.config.examples import EXAMPLES, example_configuration
from idsync.config.lines import Lines, Path

TEXT = """\
top = 1
# a comment is no line of anything
dotted.key = 2
[scopes.retail]
strategy = '''
on the next lines'''
list = [
  "a",
  # between
  "b", "c",
]
nested = [[1], [2,
  3]]
inline = { first = 1, "sec ond".third = 2 }
[scopes."with.dot"]
"quoted \\u00e9" = 1
[scopes.retail.later]
deep = 1
[[workspaces.shop.inputs]]
key = "a"
[[workspaces.shop.inputs]]
key = "b"
[workspaces.shop.inputs.extra]
inner = 1
wrapped = { list = [1,
  2] }
[[workspaces.shop.inputs.parts]]
x = 1
[[workspaces.shop.inputs.parts]]
x = 2
"""

PLACES: dict[Path, int] = {
    ("top",): 1,
    ("dotted", "key"): 3,
    ("scopes",): 4,
    ("scopes", "retail"): 4,
    ("scopes", "retail", "strategy"): 5,
    ("scopes", "retail", "list"): 7,
    ("scopes", "retail", "list", 0): 8,
    ("scopes", "retail", "list", 1): 10,
    ("scopes", "retail", "list", 2): 10,
    ("scopes", "retail", "nested", 1, 1): 13,
    ("scopes", "retail", "inline", "first"): 14,
    ("scopes", "retail", "inline", "sec ond", "third"): 14,
    ("scopes", "with.dot"): 15,
    ("scopes", "with.dot", "quoted é"): 16,
    ("scopes", "retail", "later", "deep"): 18,
    ("workspaces", "shop", "inputs"): 19,
    ("workspaces", "shop", "inputs", 0): 19,
    ("workspaces", "shop", "inputs", 0, "key"): 20,
    ("workspaces", "shop", "inputs", 1, "key"): 22,
    ("workspaces", "shop", "inputs", 1, "extra", "inner"): 24,
    ("workspaces", "shop", "inputs", 1, "extra", "wrapped", "list", 1): 26,
    ("workspaces", "shop", "inputs", 1, "parts", 0, "x"): 28,
    ("workspaces", "shop", "inputs", 1, "parts", 1, "x"): 30,
}


@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
@pytest.mark.parametrize("path", PLACES, ids=str)
def test_a_key_is_found_on_its_line(path: Path, line_end: str) -> None:
    tomllib.loads(TEXT)

    assert Lines(TEXT.replace("\n", line_end)).find(path) == PLACES[path]


@pytest.mark.parametrize(
    ("path", "line"),
    [
        (("scopes", "retail", "missing"), 4),
        (("workspaces", "shop", "inputs", 1, "missing"), 21),
        (("missing",), 1),
        ((), 1),
    ],
)
def test_what_is_missing_is_placed_where_it_would_belong(path: Path, line: int) -> None:
    assert Lines(TEXT).find(path) == line


def test_a_table_named_before_its_parent_does_not_take_the_parents_line() -> None:
    text = "[a.b]\nx = 1\n[a]\ny = 1\n"

    assert Lines(text).find(("a",)) == 3
    assert Lines(text).find(("a", "b", "x")) == 2


@pytest.mark.parametrize("strategy", EXAMPLES)
def test_every_key_of_our_examples_is_found_where_it_is_written(strategy: str) -> None:
    text = example_configuration(strategy)
    written = text.splitlines()
    lines = Lines(text)

    for path in _keys(tomllib.loads(text), ()):
        assert str(path[-1]) in written[lines.find(path) - 1]


def _keys(value: object, path: Path) -> Iterator[Path]:
    if isinstance(value, dict):
        for name, inner in value.items():
            yield (*path, name)
            yield from _keys(inner, (*path, name))
    elif isinstance(value, list):
        for position, inner in enumerate(islice(value, 10)):
            yield from _keys(inner, (*path, position))
