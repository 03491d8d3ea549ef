"""The settings of each scope as they came into force: a new version at every start that changes them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from typing import Final

from idsync.config.policy_json import policy_from_json, policy_to_json
from idsync.model.errors import ConfigurationError
from idsync.model.identity import Environment, GraphKey, IdentityType
from idsync.model.policy import Policy
from idsync.store.protocol import Store

__all__ = ["FILE", "Version", "record_versions"]

FILE: Final = "file"
"""Author of what the configuration file says."""
_SHOWN_VALUES: Final = 20
"""Shared values that are named, for each type; who repairs them will see the next ones."""


@dataclass(frozen=True, slots=True)
class Version:
    """Which version of a scope's settings is in force, who wrote it and when (UTC milliseconds)."""

    number: int
    author: str
    at_ms: int


async def record_versions(
    store: Store, policies: Mapping[str, Policy], clock: Callable[[], int]
) -> dict[str, Version]:
    """Bring the settings of all scopes into force; a version is written where they changed.

    Args:
        store: Keeps the versions.
        policies: The settings of each scope, as the file has them.
        clock: UTC milliseconds.

    Raises:
        ConfigurationError: A type would become unique while values of it are on several records; all of them
            are named by the profiles that share them, and nothing is written (ID-039).
    """
    newest = {scope: await store.configuration(scope) for scope in policies}
    faults: list[str] = []
    for scope, policy in policies.items():
        known = newest[scope]
        before = frozenset() if known is None else policy_from_json(known[3]).unique
        faults += [fault async for fault in _shared(store, scope, policy.unique - before)]
    if faults:
        raise ConfigurationError("values of a type that is to be unique are shared by profiles", faults)
    versions: dict[str, Version] = {}
    for scope, policy in policies.items():
        known = newest[scope]
        settings = policy_to_json(policy)
        if known is None or known[3] != settings:
            at_ms = clock()
            number = await store.add_configuration(scope, FILE, at_ms, settings)
            versions[scope] = Version(number, FILE, at_ms)
        else:
            versions[scope] = Version(*known[:3])
    return versions


async def _shared(store: Store, scope: str, types: frozenset[IdentityType]) -> AsyncIterator[str]:
    for kind in sorted(types):
        for environment in Environment:
            graph = GraphKey(scope, environment)
            for mpids in await store.shared_values(graph, kind, _SHOWN_VALUES):
                named = ", ".join(map(str, mpids))
                yield f"scope {scope}, {environment.wire_name}: one {kind.wire_name} is on profiles {named}"
