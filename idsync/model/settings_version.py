"""The versions that the settings of a scope have had, have, and are to have (ID-039, ID-252)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import IntEnum

from idsync.model.identity import Identity, Mpid

__all__ = ["SettingsVersion", "SharedValue", "VersionState", "in_force", "staged", "state_of"]


class VersionState(IntEnum):
    """What has become of a version; the numbers are those of the wire."""

    STAGED = 1
    """Its moment is to come."""
    IN_FORCE = 2
    SUPERSEDED = 3
    """It was in force, and a later one is."""
    WITHDRAWN = 4
    """It never came into force."""


@dataclass(frozen=True, slots=True)
class SettingsVersion:
    """One version of a scope's settings. All times are UTC milliseconds.

    Attributes:
        number: Counts from 1 in each scope. A later number never takes effect before an earlier one.
        author: Who wrote it: `file`, or what the operator said.
        at_ms: When it was written.
        effective_ms: From when on it holds, for requests that begin then or later.
        settings: The policy, as `idsync.config.policy_json` writes it.
        note: What the author said about it.
        repair: Whether values that it makes unique are taken off all profiles but one.
        withdrawn_ms: When it was withdrawn; `None`: it was not.
        withdrawn_by: By whom: `file`, `service`, or what the operator said.
        withdrawn_note: Why.
        taken_ms: When the first node took it; `None`: none has yet.
        repaired_ms: When a repair last found nothing more to do; `None`: none has ended.
    """

    scope: str
    number: int
    author: str
    at_ms: int
    effective_ms: int
    settings: str
    note: str = ""
    repair: bool = False
    withdrawn_ms: int | None = None
    withdrawn_by: str = ""
    withdrawn_note: str = ""
    taken_ms: int | None = None
    repaired_ms: int | None = None


@dataclass(frozen=True, slots=True)
class SharedValue:
    """A value that is on several records.

    Attributes:
        identity_id: Its number in the graph: where a page of them goes on.
        mpids: Its holders in the order of ID-011, the newest first; perhaps not all of them.
        holders: How many there are.
    """

    identity_id: int
    identity: Identity
    mpids: tuple[Mpid, ...]
    holders: int


def in_force(versions: Iterable[SettingsVersion], now_ms: int) -> SettingsVersion | None:
    """Give the version whose moment came last; `None`: there is none yet."""
    reached = (v for v in versions if v.withdrawn_ms is None and v.effective_ms <= now_ms)
    return max(reached, key=lambda v: v.number, default=None)


def staged(versions: Iterable[SettingsVersion], now_ms: int) -> SettingsVersion | None:
    """Give the version whose moment is to come; there is one at most."""
    waiting = (v for v in versions if v.withdrawn_ms is None and v.effective_ms > now_ms)
    return max(waiting, key=lambda v: v.number, default=None)


def state_of(version: SettingsVersion, versions: Sequence[SettingsVersion], now_ms: int) -> VersionState:
    """Say what has become of one of the versions of a scope."""
    if version.withdrawn_ms is not None:
        return VersionState.WITHDRAWN
    if version.effective_ms > now_ms:
        return VersionState.STAGED
    current = in_force(versions, now_ms)
    is_current = current is not None and current.number == version.number
    return VersionState.IN_FORCE if is_current else VersionState.SUPERSEDED
