"""From the section `[guards]` to the policies that it holds for."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from typing import Final, NamedTuple

from idsync.config import keys
from idsync.config.scopes import ReadScope
from idsync.config.section import Section
from idsync.model.blocking import BlockedValues
from idsync.model.policy import Policy

__all__ = ["read_guards"]

_KEYS: Final = keys.SECTIONS["guards"]


class _Guards(NamedTuple):
    conflict_guard: bool = keys.CONFLICT_GUARD.default
    blocked_values: BlockedValues | None = keys.BLOCKED_VALUES.default


def read_guards(
    root: Section, scopes: Mapping[str, ReadScope], names: Collection[str]
) -> dict[str, ReadScope]:
    """Put the guards into the policies of scopes: what a scope has of its own comes before those of all.

    Args:
        root: The whole file.
        scopes: The scopes that could be read.
        names: The names of all scopes, also of those that could not be read.

    Returns:
        The same scopes with their guards, and the warnings that these bring.
    """
    for_all = root.child("guards", _KEYS, names)
    if for_all is None:
        return dict(scopes)
    key_names = {key.name for key in _KEYS}
    common = _read(for_all, _Guards())
    own = {name: for_all.child(name, _KEYS) for name in names if name not in key_names}
    guards_of = {name: common if each is None else _read(each, common) for name, each in own.items()}
    guarded = {}
    for name, scope in scopes.items():
        guards = guards_of.get(name, common)
        policy = replace(
            scope.policy, conflict_guard=guards.conflict_guard, blocked_values=guards.blocked_values
        )
        guarded[name] = ReadScope(policy, (*scope.warnings, *_warnings(policy)))
    return guarded


def _read(section: Section, otherwise: _Guards) -> _Guards:
    conflict_guard, blocked = otherwise
    if keys.CONFLICT_GUARD in section:
        conflict_guard = section.read(keys.CONFLICT_GUARD)
    if keys.BLOCKED_VALUES in section:
        blocked = section.read(keys.BLOCKED_VALUES)
    return _Guards(conflict_guard, blocked if blocked is not None and blocked.is_any else None)


def _warnings(policy: Policy) -> Iterator[str]:
    for setting, text in policy.warnings():
        if setting == keys.CONFLICT_GUARD.name:
            yield f"{setting}: {text}"
