"""What a scope gets for the lists that it does not give (ID-037, ID-038)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from idsync.model.identity import IdentityType
from idsync.model.policy import DEFAULT_PRIORITY, OLDER_DEFAULT_PRIORITY, Policy

__all__ = ["DEFAULT_STRATEGY", "Preset", "preset_of", "preset_policy"]

DEFAULT_STRATEGY: Final = "default"
"""The strategy that needs no settings at all, and the only one with named presets."""

_T = IdentityType


@dataclass(frozen=True, slots=True)
class Preset:
    """Lists that hold where a scope names none; no `priority`: the scope must give its own."""

    priority: tuple[IdentityType, ...] | None = None
    login: tuple[IdentityType, ...] = ()
    unique: tuple[IdentityType, ...] = ()
    immutable: tuple[IdentityType, ...] = ()


_NEWER: Final = Preset(DEFAULT_PRIORITY, (_T.CUSTOMERID,), (_T.CUSTOMERID,), (_T.CUSTOMERID,))
_OLDER: Final = Preset(OLDER_DEFAULT_PRIORITY, (_T.CUSTOMERID,), (_T.CUSTOMERID,))
_PARTING: Final = Preset(login=(_T.CUSTOMERID, _T.EMAIL), unique=(_T.CUSTOMERID, _T.EMAIL))
_NOTHING: Final = Preset()

_OF_DEFAULT: Final[Mapping[str | None, Preset]] = {None: _NEWER, "newer": _NEWER, "older": _OLDER}
_OF_OTHERS: Final[Mapping[str | None, Preset]] = {
    "profile_link": _PARTING,
    "profile_isolation": _PARTING,
}


def preset_of(strategy: str | None, name: str | None = None) -> Preset:
    """Return what holds where a scope names no list of its own.

    Args:
        strategy: The scope's strategy; one that is not known here has no preset.
        name: Which of the presets of `default` is meant, `newer` (also `None`) or `older`.
    """
    if strategy == DEFAULT_STRATEGY:
        return _OF_DEFAULT[name]
    return _OF_OTHERS.get(strategy, _NOTHING)


def preset_policy(inactive_days: int | None = None) -> Policy:
    """Return the policy of a scope that nobody described: `default`, newer preset (ID-003, ID-038)."""
    return Policy(
        strategy=DEFAULT_STRATEGY,
        priority=DEFAULT_PRIORITY,
        login=frozenset(_NEWER.login),
        unique=frozenset(_NEWER.unique),
        immutable=frozenset(_NEWER.immutable),
        inactive_days=inactive_days,
    )
