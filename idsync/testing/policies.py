"""Settings that a strategy accepts, few enough to try them all and different enough to matter."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from itertools import product
from typing import Final

from idsync.model.identity import IdentityType
from idsync.model.policy import Policy
from idsync.model.strategy import Strategy

__all__ = ["TYPES", "sound_policies"]

_C, _E, _N = IdentityType.CUSTOMERID, IdentityType.EMAIL, IdentityType.OTHER
_V, _A, _S = IdentityType.IOS_IDFV, IdentityType.ANDROID_UUID, IdentityType.DEVICE_APPLICATION_STAMP

TYPES: Final = (_C, _E, _N, _V, _A, _S)
"""The types of generated requests. The last is in no priority: it only describes (ID-026)."""

_PRIORITIES: Final = ((_C, _E, _N, _V, _A), (_E, _C, _V, _N, _A), (_C, _V, _E))
_LOGINS: Final = ((_C, _E), (_C,), (_E,), ())
_UNIQUE: Final = ((_C, _E), (_C,), (_C, _N), ())
_IMMUTABLE: Final = ((), (_C,))
_MAXIMA: Final[tuple[dict[IdentityType, int], ...]] = ({}, {_E: 1, _V: 2})


@cache
def sound_policies(strategy: Strategy) -> tuple[Policy, ...]:
    """List settings that ID-036 and the strategy accept, the plainest first.

    Raises:
        ValueError: The strategy accepts none of those that are tried; give its suite settings of your own.
    """
    policies = tuple(policy for policy in _candidates(strategy.name) if not _is_faulty(policy, strategy))
    if not policies:
        raise ValueError(f"the strategy {strategy.name} accepts none of the settings tried")
    return policies


def _candidates(name: str) -> Iterator[Policy]:
    for guard, immutable, maxima, priority, login, unique in product(
        (False, True), _IMMUTABLE, _MAXIMA, _PRIORITIES, _LOGINS, _UNIQUE
    ):
        if guard and not unique:
            continue
        yield Policy(
            name,
            priority,
            frozenset(login),
            frozenset(unique),
            frozenset(immutable),
            maxima,
            alias_delay_s=60,
            search_requires_immutable=not maxima,
            inactive_days=2 if maxima else None,
            conflict_guard=guard,
        )


def _is_faulty(policy: Policy, strategy: Strategy) -> bool:
    return any(policy.faults()) or any(strategy.faults(policy))
