"""Scenario files to cases; every fault of every file is named at once, with file, case and member."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

from idsync.config.blocked import blocked
from idsync.model.blocking import BlockedValues
from idsync.model.errors import ConfigurationError
from idsync.model.identity import TYPES_BY_NAME, IdentityType
from idsync.model.policy import Policy
from idsync.testing.scenario.case import (
    AnyCase,
    Call,
    Capability,
    Case,
    HttpMessage,
    Settings,
    SignatureCase,
    Step,
)
from idsync.testing.scenario.expectations import check_expectation
from idsync.testing.scenario.members import Members
from idsync.testing.scenario.symbols import MPID_MEMBERS, is_symbol

__all__ = ["CASE", "CONFIG", "QUERY", "SIGNATURE", "STEP", "find_files", "load_cases"]

CASE: Final = ("id", "title", "strategy", "rules", "published", "requires", "config", "steps")
SIGNATURE: Final = ("id", "kind", "title", "rules", "secret", "method", "date", "path", "body", "signature")
CONFIG: Final = (
    "identity_priority",
    "login_ids",
    "unique_ids",
    "immutable_ids",
    "max_per_type",
    "alias_max_window_days",
    "search_requires_immutable",
    "conflict_guard",
    "blocked_values",
    "workspaces",
)
STEP: Final = ("call", "workspace", "request", "query", "omit", "advance_ms", "note", "expect", "http")
QUERY: Final = ("read_only", "return_matches")
_DEFAULT_WORKSPACES: Final = {"w1": "s1"}
_DEFAULT_WORKSPACE: Final = "w1"


def find_files(paths: Iterable[Path]) -> list[Path]:
    """Name the scenario files: files as they are, of directories every `*.json` in and below them.

    Raises:
        FileNotFoundError: A path does not exist, or nothing was found at all.
    """
    files: dict[Path, None] = {}
    for path in paths:
        if not path.exists():
            raise FileNotFoundError(f"no such file or directory: {path}")
        found = sorted(path.rglob("*.json")) if path.is_dir() else [path]
        if not found:
            raise FileNotFoundError(f"no scenario files (*.json) in {path}")
        files.update(dict.fromkeys(found))
    return list(files)


def load_cases(files: Iterable[Path]) -> list[AnyCase]:
    """Read the cases of scenario files.

    Raises:
        ConfigurationError: Files cannot be read or are malformed, or two cases have one id; `faults` names
            all of it.
    """
    faults: list[str] = []
    cases: list[AnyCase] = []
    for file in files:
        cases.extend(_read_file(file, faults))
    seen: dict[str, str] = {}
    for case in cases:
        if case.id in seen:
            faults.append(f"{case.file}: {case.id}: this id is used in {seen[case.id]} already")
        seen.setdefault(case.id, case.file)
    if faults:
        raise ConfigurationError("the scenario files cannot be used", faults)
    return cases


def _read_file(file: Path, faults: list[str]) -> list[AnyCase]:
    try:
        content = json.loads(file.read_bytes())
    except OSError as error:
        faults.append(f"{file}: cannot be read: {error.strerror}")
        return []
    except ValueError as error:
        faults.append(f"{file}: is not JSON: {error}")
        return []
    if not isinstance(content, list):
        faults.append(f"{file}: must be a list of cases")
        return []
    cases = []
    for number, value in enumerate(content, start=1):
        if isinstance(value, dict):
            cases.append(_read_case(value, str(file), number, faults))
        else:
            faults.append(f"{file}: case {number}: must be an object")
    return cases


def _read_case(value: Mapping[str, object], file: str, number: int, faults: list[str]) -> AnyCase:
    named = value.get("id")
    origin = f"{file}: {named}" if isinstance(named, str) and named else f"{file}: case {number}"
    if "kind" in value:
        return _read_signature(Members(value, origin, "", faults, SIGNATURE), file)
    members = Members(value, origin, "", faults, CASE)
    settings = _read_settings(members)
    requires = members.texts("requires", required=False)
    for word in requires:
        if word not in list(Capability):
            members.fault("requires", f"{word!r} is unknown; known are {', '.join(Capability)}")
    steps = members.raw("steps")
    if not isinstance(steps, list) or not steps:
        members.fault("steps", "must be a list with at least one step")
        steps = []
    workspaces = {_DEFAULT_WORKSPACE} if settings is None else set(settings.scopes)
    bound: set[str] = set()
    return Case(
        file,
        members.text("id"),
        members.text("title"),
        members.texts("rules", required=False),
        members.text("published", ""),
        frozenset(Capability(word) for word in requires if word in list(Capability)),
        settings,
        tuple(_read_step(members, n, step, workspaces, bound) for n, step in enumerate(steps, start=1)),
    )


def _read_signature(members: Members, file: str) -> SignatureCase:
    members.one_of("kind", ["signature"])
    return SignatureCase(
        file,
        members.text("id"),
        members.text("title"),
        members.texts("rules", required=False),
        members.text("secret"),
        members.text("method"),
        members.text("date"),
        members.text("path"),
        members.text("body", ""),
        members.text("signature"),
    )


def _read_settings(case: Members) -> Settings | None:
    """Read strategy and config, which belong together; both may be left to whoever runs the case."""
    if "config" not in case and "strategy" not in case:
        return None
    strategy = case.text("strategy")
    members = case.inner("config", case.raw("config") if "config" in case else {}, CONFIG)
    limits = {
        _type(members, f"max_per_type.{name}", name): limit
        for name, limit in members.table("max_per_type").items()
        if _is_limit(members, name, limit)
    }
    policy = Policy(
        strategy,
        tuple(_types(members, "identity_priority")),
        frozenset(_types(members, "login_ids")),
        frozenset(_types(members, "unique_ids")),
        frozenset(_types(members, "immutable_ids")),
        {t: limit for t, limit in limits.items() if t is not None},
        members.integer("alias_max_window_days", 90, 0),
        search_requires_immutable=members.flag("search_requires_immutable", default=True),
        conflict_guard=members.flag("conflict_guard", default=False),
        blocked_values=_blocked(members),
    )
    scopes = dict(members.table("workspaces")) or _DEFAULT_WORKSPACES
    for workspace, scope in scopes.items():
        if not isinstance(scope, str) or not scope:
            members.fault(f"workspaces.{workspace}", "must be the name of a scope")
    return Settings(policy, scopes)


def _blocked(members: Members) -> BlockedValues | None:
    if "blocked_values" not in members:
        return None

    def report(fault: str, inner: tuple[str | int, ...]) -> None:
        members.fault(".".join(map(str, ("blocked_values", *inner))), fault)

    return blocked(members.raw("blocked_values"), report)


def _is_limit(members: Members, name: str, limit: object) -> bool:
    if type(limit) is int and limit > 0:
        return True
    members.fault(f"max_per_type.{name}", "must be a whole number from 1 on")
    return False


def _types(members: Members, name: str) -> list[IdentityType]:
    found = (_type(members, name, word) for word in members.texts(name))
    return [t for t in found if t is not None]


def _type(members: Members, name: str, word: str) -> IdentityType | None:
    if word not in TYPES_BY_NAME:
        members.fault(name, f"{word!r} is no identity type")
    return TYPES_BY_NAME.get(word)


def _read_step(case: Members, number: int, value: object, workspaces: set[str], bound: set[str]) -> Step:
    members = case.inner(f"steps[{number}]", value, STEP)
    call = members.one_of("call", list(Call))
    workspace = members.text("workspace", _DEFAULT_WORKSPACE)
    if workspace not in workspaces:
        members.fault("workspace", f"{workspace!r} is not among the workspaces of the case")
    query = members.inner("query", members.table("query"), QUERY)
    if "expect" not in members:
        members.fault("expect", "is missing")
    step = Step(
        number,
        Call(call or Call.IDENTIFY),
        workspace,
        members.table("request"),
        {name: query.raw(name) for name in query},
        frozenset(members.texts("omit", required=False)),
        members.integer("advance_ms", 0, 0),
        members.text("note", ""),
        members.table("expect"),
        _read_http(members) if call == Call.HTTP else None,
    )
    if call is not None:
        _check_symbols(members, step, bound)
        check_expectation(members, step, bound)
        if call in {Call.MODIFY, Call.DELETE} and "mpid" not in step.request:
            members.fault("request.mpid", "is missing")
    return step


def _read_http(step: Members) -> HttpMessage:
    members = step.inner("http", step.raw("http") or {}, ("method", "path", "headers", "body"))
    headers = members.table("headers")
    for name, value in headers.items():
        if not isinstance(value, str):
            members.fault(f"headers.{name}", "must be a text")
    return HttpMessage(members.text("method"), members.text("path"), headers, members.text("body", ""))


def _check_symbols(members: Members, step: Step, bound: set[str]) -> None:
    for name in MPID_MEMBERS:
        value = step.request.get(name)
        if is_symbol(value) and value not in bound:
            members.fault(f"request.{name}", f"{value} was not bound by an earlier step")
