"""A policy as JSON text: what a version of a scope's settings is kept as."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import replace
from typing import Final

from idsync.config import keys
from idsync.config.blocked import blocked_document
from idsync.config.faults import Faults
from idsync.config.presets import Preset
from idsync.config.scopes import read_policy
from idsync.config.section import Section
from idsync.model.errors import ConfigurationError
from idsync.model.identity import IdentityType
from idsync.model.policy import Policy

__all__ = ["policy_from_json", "policy_to_json"]

_GIVEN: Final = (keys.STRATEGY, keys.IDENTITY_PRIORITY, keys.LOGIN_IDS, keys.UNIQUE_IDS, keys.IMMUTABLE_IDS)
_KEYS: Final = (
    *(replace(key, required=True) for key in _GIVEN),
    keys.MAX_PER_TYPE,
    keys.ALIAS_MAX_WINDOW_DAYS,
    keys.ALIAS_DELAY_S,
    keys.SEARCH_REQUIRES_IMMUTABLE,
    keys.INACTIVE_DAYS,
    keys.CONFLICT_GUARD,
    keys.BLOCKED_VALUES,
)


def policy_to_json(policy: Policy) -> str:
    """Write a policy; equal policies give equal texts, whatever order their sets were built in."""
    document = {
        keys.STRATEGY.name: policy.strategy,
        keys.IDENTITY_PRIORITY.name: _names(policy.priority),
        keys.LOGIN_IDS.name: _names(sorted(policy.login)),
        keys.UNIQUE_IDS.name: _names(sorted(policy.unique)),
        keys.IMMUTABLE_IDS.name: _names(sorted(policy.immutable)),
        keys.MAX_PER_TYPE.name: {t.wire_name: policy.max_per_type[t] for t in sorted(policy.max_per_type)},
        keys.ALIAS_MAX_WINDOW_DAYS.name: policy.alias_max_window_days,
        keys.ALIAS_DELAY_S.name: policy.alias_delay_s,
        keys.SEARCH_REQUIRES_IMMUTABLE.name: policy.search_requires_immutable,
    }
    if policy.inactive_days is not None:
        document[keys.INACTIVE_DAYS.name] = policy.inactive_days
    # Guards that are off leave no trace, so that what was recorded before there were any is no other version.
    if policy.conflict_guard:
        document[keys.CONFLICT_GUARD.name] = True
    if policy.blocked_values is not None:
        document[keys.BLOCKED_VALUES.name] = blocked_document(policy.blocked_values)
    return json.dumps(document, separators=(",", ":"))


def policy_from_json(text: str) -> Policy:
    """Read a policy back; settings that an older version did not have take their defaults.

    Raises:
        ConfigurationError: The text is not what `policy_to_json` writes, or comes from a newer version.
    """
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ConfigurationError("a stored policy is no JSON") from error
    faults = Faults()
    section = Section(document, ("policy",), faults, _KEYS)
    policy = read_policy(section, Preset(), section.read(keys.INACTIVE_DAYS))
    guards = section.read(keys.CONFLICT_GUARD), section.read(keys.BLOCKED_VALUES)
    if policy is None or faults:
        raise faults.error()
    return replace(policy, conflict_guard=guards[0], blocked_values=guards[1])


def _names(types: Iterable[IdentityType]) -> list[str]:
    return [t.wire_name for t in types]
