"""The settings of each scope as a start finds them: what the file says, and what was staged since."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from typing import Final

import structlog

from idsync.config.policy_json import policy_from_json, policy_to_json
from idsync.model.errors import ConfigurationError, StoreError
from idsync.model.identity import Environment, GraphKey, IdentityType
from idsync.model.policy import Policy
from idsync.model.settings_version import SettingsVersion, in_force
from idsync.store.protocol import Store

__all__ = ["FILE", "SERVICE", "newly_unique", "record_versions"]

FILE: Final = "file"
"""Author of what the configuration file says."""
SERVICE: Final = "service"
"""Who withdraws a version that cannot take effect."""
_SHOWN_VALUES: Final = 20
"""Shared values that are named, for each type; who repairs them will see the next ones."""
_ATTEMPTS: Final = 16
"""Nodes that start at once and bring different files write one version after the other."""
_log = structlog.get_logger("idsync.server")


async def record_versions(
    store: Store, policies: Mapping[str, Policy], clock: Callable[[], int]
) -> dict[str, list[SettingsVersion]]:
    """Find which settings are in force; where the file says something new, that is a version.

    The file counts where it does not say what it said last: then it holds from now on, and what was staged
    is withdrawn. Otherwise what operators staged since goes on, and takes effect if its moment has passed.

    Args:
        store: Keeps the versions.
        policies: The settings of each scope, as the file has them.
        clock: UTC milliseconds.

    Returns:
        The versions of each scope, oldest first; one of them is in force.

    Raises:
        ConfigurationError: A type would become unique while values of it are on several records; all of them
            are named by the profiles that share them, and nothing is written (ID-039).
    """
    known = {scope: await store.versions(scope) for scope in policies}
    faults: list[str] = []
    for scope, policy in policies.items():
        if _says_something_new(known[scope], policy):
            current = in_force(known[scope], clock())
            before = None if current is None else policy_from_json(current.settings)
            faults += [fault async for fault in _shared(store, scope, newly_unique(policy, before))]
    if faults:
        raise ConfigurationError("values of a type that is to be unique are shared by profiles", faults)
    for scope, policy in policies.items():
        for _ in range(_ATTEMPTS):
            if not _says_something_new(known[scope], policy):
                break
            await _record(store, scope, policy, known[scope], clock())
            known[scope] = await store.versions(scope)
        else:
            raise StoreError("other nodes write other settings all the time")
        known[scope] = await _without_refused(store, known[scope], clock())
    return known


def newly_unique(policy: Policy, before: Policy | None) -> frozenset[IdentityType]:
    """Name the types that settings make unique and others before them did not."""
    return policy.unique - (frozenset() if before is None else before.unique)


def _says_something_new(versions: Sequence[SettingsVersion], policy: Policy) -> bool:
    said = [version.settings for version in versions if version.author == FILE]
    return not said or said[-1] != policy_to_json(policy)


async def _record(
    store: Store, scope: str, policy: Policy, versions: Sequence[SettingsVersion], now_ms: int
) -> None:
    """Write down what the file says; what operators staged, or had in force, gives way to it."""
    number = versions[-1].number if versions else 0
    for version in versions:
        if version.withdrawn_ms is None and version.taken_ms is None:
            await store.withdraw_version(
                scope, version.number, now_ms, FILE, "the file says something new", even_if_due=True
            )
            _log.warning("staged_version_gave_way", scope=scope, version=version.number)
    current = in_force(versions, now_ms)
    if current is not None and current.author != FILE:
        _log.warning("version_gave_way", scope=scope, version=current.number)
    await store.add_version(
        SettingsVersion(scope, number + 1, FILE, now_ms, now_ms, policy_to_json(policy), taken_ms=now_ms)
    )


async def _without_refused(
    store: Store, versions: list[SettingsVersion], now_ms: int
) -> list[SettingsVersion]:
    """Withdraw a version whose moment passed while nobody was there, if it cannot take effect (ID-039)."""
    due = in_force(versions, now_ms)
    if due is None or due.taken_ms is not None or due.repair:
        return versions
    before = in_force([v for v in versions if v.number < due.number], now_ms)
    policy = policy_from_json(due.settings)
    types = newly_unique(policy, None if before is None else policy_from_json(before.settings))
    graphs = [(GraphKey(due.scope, environment), t) for t in types for environment in Environment]
    count = sum([await store.count_shared(graph, t) for graph, t in graphs])
    if not count:
        return versions
    note = f"values that would be unique are on several records: {count}"
    await store.withdraw_version(due.scope, due.number, now_ms, SERVICE, note, even_if_due=True)
    _log.error("version_refused", scope=due.scope, version=due.number, shared_values=count)
    return await store.versions(due.scope)


async def _shared(store: Store, scope: str, types: frozenset[IdentityType]) -> AsyncIterator[str]:
    for kind in sorted(types):
        for environment in Environment:
            graph = GraphKey(scope, environment)
            for shared in await store.shared_values(graph, kind, _SHOWN_VALUES):
                named = ", ".join(map(str, shared.mpids[:_SHOWN_VALUES]))
                more = shared.holders - _SHOWN_VALUES
                rest = f" and {more} more" if more > 0 else ""
                where = f"scope {scope}, {environment.wire_name}"
                yield f"{where}: one {kind.wire_name} is on profiles {named}{rest}"
