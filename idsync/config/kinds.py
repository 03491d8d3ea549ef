"""What a value may be: each function here judges one value, tells its faults and returns what is usable."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from difflib import get_close_matches
from typing import Final, TypeVar

from idsync.config.lines import Path
from idsync.model.identity import TYPES_BY_NAME, IdentityType

__all__ = [
    "MOST_COUNT",
    "Kind",
    "Report",
    "called",
    "count",
    "flag",
    "one_of",
    "suggestion",
    "text",
    "type_counts",
    "type_named",
    "types",
]

T = TypeVar("T")

Report = Callable[[str, Path], None]
"""Notes a fault: its text, and the path from the judged value inwards."""

Kind = Callable[[object, Report], T | None]
"""Judges a value; `None` says that it could not be read at all, which has been reported."""

MOST_COUNT: Final = 2**31 - 1
"""The largest number of any setting: what the wire carries (int32)."""


def text(value: object, report: Report) -> str | None:
    """Accept a string that is not empty; blanks count as content."""
    if not isinstance(value, str):
        report(f"must be a string, not {called(value)}", ())
        return None
    if not value:
        report("must not be empty", ())
        return None
    return value


def flag(value: object, report: Report) -> bool | None:
    """Accept true or false."""
    if not isinstance(value, bool):
        report(f"must be true or false, not {called(value)}", ())
        return None
    return value


def count(least: int, most: int = MOST_COUNT) -> Kind[int]:
    """Make a kind that accepts whole numbers from `least` to `most`."""

    def judge(value: object, report: Report) -> int | None:
        if not isinstance(value, int) or isinstance(value, bool):
            report(f"must be a whole number, not {called(value)}", ())
            return None
        if value < least:
            report(f"must be at least {least}", ())
            return None
        if value > most:
            report(f"must be at most {most}", ())
            return None
        return value

    return judge


def one_of(*names: str) -> Kind[str]:
    """Make a kind that accepts these words."""

    def judge(value: object, report: Report) -> str | None:
        word = text(value, report)
        if word is not None and word not in names:
            report(f"must be one of {', '.join(names)}{suggestion(word, names)}", ())
            return None
        return word

    return judge


def types(value: object, report: Report) -> tuple[IdentityType, ...] | None:
    """Accept a list of identity types by wire name, both spellings of ID-022 included, none twice."""
    if not isinstance(value, list):
        report(f"must be a list of identity types, not {called(value)}", ())
        return None
    found: list[IdentityType] = []
    for position, element in enumerate(value):
        if not isinstance(element, str):
            report(f"must be the name of an identity type, not {called(element)}", (position,))
            continue
        identity_type = type_named(element, report, (position,))
        if identity_type in found:
            report(f"{identity_type.wire_name} is named twice", (position,))
        elif identity_type is not None:
            found.append(identity_type)
    return tuple(found)


def type_counts(value: object, report: Report) -> dict[IdentityType, int] | None:
    """Accept a table from identity type to a whole number; how small it may be is the policy's to say."""
    if not isinstance(value, dict):
        report(f"must be a table of identity types, not {called(value)}", ())
        return None
    found: dict[IdentityType, int] = {}
    judge = count(least=-MOST_COUNT)
    for name, element in value.items():
        identity_type = type_named(name, report, (name,))
        number = judge(element, _inside(report, name))
        if identity_type in found:
            report(f"{identity_type.wire_name} is named twice", (name,))
        elif identity_type is not None and number is not None:
            found[identity_type] = number
    return found


def suggestion(word: str, names: Iterable[str]) -> str:
    """Return "; did you mean ...?" if one of the names is close to the word, else nothing."""
    near = get_close_matches(word, list(names), n=1)
    return f"; did you mean {near[0]}?" if near else ""


def _inside(report: Report, name: str) -> Report:
    return lambda fault, inner: report(fault, (name, *inner))


def type_named(name: str, report: Report, path: Path) -> IdentityType | None:
    """Look a type up; in place of a misspelt one the likely one, lest later checks err."""
    if name in TYPES_BY_NAME:
        return TYPES_BY_NAME[name]
    report(f"unknown identity type {name!r}{suggestion(name, TYPES_BY_NAME)}", path)
    near = get_close_matches(name, TYPES_BY_NAME, n=1)
    return TYPES_BY_NAME[near[0]] if near else None


def called(value: object) -> str:
    """Name what a value is without showing it: it may be a secret at the wrong place."""
    names: Mapping[type, str] = {
        bool: "true or false",
        int: "a whole number",
        float: "a number with a fraction",
        str: "a string",
        list: "a list",
        dict: "a table",
        type(None): "null",
    }
    return names.get(type(value), "a date or time")
