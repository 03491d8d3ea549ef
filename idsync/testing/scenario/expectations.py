"""What a step may expect: the shape of `expect`, checked when a file is read."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from idsync.testing.scenario.case import Call, Step
from idsync.testing.scenario.members import Members
from idsync.testing.scenario.symbols import is_symbol

__all__ = ["APPLIED", "EXPECTED", "IGNORED", "check_expectation"]

APPLIED: Final = "applied"
IGNORED: Final = "ignored"

_OF_RESOLUTION: Final = ("mpid", "matched_identities", "is_logged_in", "is_ephemeral", "source_mpid")
_OF_ALL: Final = ("error", "profiles", "http_status")
_OF_CALLS: Final[Mapping[Call, tuple[str, ...]]] = {
    Call.MODIFY: ("change_results", "is_logged_in"),
    Call.ALIAS: ("outcome",),
    Call.DELETE: (),
    Call.HTTP: (*_OF_RESOLUTION, "change_results"),
}

EXPECTED: Final = frozenset({*_OF_RESOLUTION, *_OF_ALL, *(name for of in _OF_CALLS.values() for name in of)})
"""Every member that an expectation may have."""


def check_expectation(step_members: Members, step: Step, bound: set[str]) -> None:
    """Note what is wrong with the expectation of a step; adds the symbol it binds to `bound`."""
    known = (*_OF_ALL, *_OF_CALLS.get(step.call, _OF_RESOLUTION))
    members = step_members.inner("expect", step.expect, known)
    if is_symbol(members.raw("mpid")):
        bound.add(members.raw("mpid"))
    for name in members:
        for where, text in _faults(name, members.raw(name), bound):
            members.fault(f"{name}{where}", text)
    if "error" in members:
        for name in members:
            if name in known and name not in {"error", "profiles"}:
                members.fault(name, "no other result may come back with an error")


def _faults(name: str, value: Any, bound: set[str]) -> Iterator[tuple[str, str]]:
    if name in {"profiles", "change_results"}:
        check = _profile_faults if name == "profiles" else _result_faults
        yield from check(value, bound)
    elif name == "source_mpid" and value is not None:
        yield from _symbol_faults("", value, bound)
    elif name == "http_status":
        yield from _status_faults("", value)
    elif name == "error":
        yield from _error_faults(value)
    elif name in _SHAPES:
        fits, text = _SHAPES[name]
        if not fits(value):
            yield "", text


def _symbol_faults(where: str, value: Any, bound: set[str]) -> Iterator[tuple[str, str]]:
    if not is_symbol(value):
        yield where, "must be a symbol such as $A"
    elif value not in bound:
        yield where, f"{value} was not bound by an earlier step"


def _status_faults(where: str, value: Any) -> Iterator[tuple[str, str]]:
    if type(value) is not int or not 100 <= value <= 599:
        yield where, "must be an HTTP status"


def _result_faults(value: Any, bound: set[str]) -> Iterator[tuple[str, str]]:
    if not isinstance(value, list):
        yield "", "must be a list"
        return
    for position, entry in enumerate(value, start=1):
        where = f"[{position}]"
        if not isinstance(entry, dict) or set(entry) != {"identity_type", "modified_mpid"}:
            yield where, "must have the members identity_type and modified_mpid"
            continue
        if not isinstance(entry["identity_type"], str):
            yield f"{where}.identity_type", "must be a text"
        yield from _symbol_faults(f"{where}.modified_mpid", entry["modified_mpid"], bound)


def _profile_faults(value: Any, bound: set[str]) -> Iterator[tuple[str, str]]:
    if not isinstance(value, dict):
        yield "", "must be an object of symbol and identity record"
        return
    for symbol, record in value.items():
        yield from _symbol_faults(f".{symbol}", symbol, bound)
        lists = record.values() if isinstance(record, dict) else [None]
        if not all(isinstance(texts, list) and all(isinstance(t, str) for t in texts) for texts in lists):
            yield f".{symbol}", "must be an object of type and list of values"


def _error_faults(value: Any) -> Iterator[tuple[str, str]]:
    if not isinstance(value, dict) or "http_status" not in value or set(value) - {"http_status", "code"}:
        yield "", "must have the member http_status, and may have code"
        return
    yield from _status_faults(".http_status", value["http_status"])
    if not isinstance(value.get("code", ""), str):
        yield ".code", "must be a text"


def _is_text_table(value: Any) -> bool:
    return isinstance(value, dict) and all(isinstance(text, str) for text in value.values())


_SHAPES: Final[Mapping[str, tuple[Callable[[Any], bool], str]]] = {
    "mpid": (is_symbol, "must be a symbol such as $A"),
    "is_logged_in": (lambda value: isinstance(value, bool), "must be true or false"),
    "is_ephemeral": (lambda value: isinstance(value, bool), "must be true or false"),
    "matched_identities": (
        lambda value: value is None or _is_text_table(value),
        "must be null, or an object of type and value",
    ),
    "outcome": (lambda value: value in (APPLIED, IGNORED), f"must be {APPLIED} or {IGNORED}"),
}
