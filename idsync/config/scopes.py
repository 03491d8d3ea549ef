"""From the section of a scope to its policy, and what ID-036 has against it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from idsync.config import keys
from idsync.config.keys import Key
from idsync.config.presets import DEFAULT_STRATEGY, Preset, preset_of
from idsync.config.section import Section
from idsync.model.errors import ConfigurationError
from idsync.model.identity import IdentityType
from idsync.model.policy import Policy
from idsync.model.strategy import Strategy
from idsync.resolve.registry import load_strategies

__all__ = ["ReadScope", "policy_faults", "policy_warnings", "read_policy", "read_scope"]


@dataclass(frozen=True, slots=True)
class ReadScope:
    """A scope's policy and what there is to say about it without refusing it."""

    policy: Policy
    warnings: tuple[str, ...] = ()


def policy_faults(policy: Policy, strategy: Strategy) -> Iterator[tuple[str, str]]:
    """Name all that ID-036 refuses in a policy, as (setting, text)."""
    yield from policy.faults()
    yield from strategy.faults(policy)


def policy_warnings(policy: Policy, strategy: Strategy) -> Iterator[tuple[str, str]]:
    """Name all that ID-036 warns of in a policy, as (setting, text)."""
    yield from policy.warnings()
    yield from strategy.warnings(policy)


def read_scope(section: Section, inactive_days: int | None) -> ReadScope | None:
    """Read a scope's policy and hold it against ID-036.

    Args:
        section: The scope's table; its faults are noted there.
        inactive_days: The setting of ID-214, which is one for all scopes.

    Returns:
        The scope; `None` if its strategy is unknown or a list of it could not be read.
    """
    strategy = _read_strategy(section)
    preset = _read_preset(section)
    if strategy is not None and preset.priority is None and keys.IDENTITY_PRIORITY not in section:
        section.fault(f"{keys.IDENTITY_PRIORITY.name} is missing")
    policy = read_policy(section, preset, inactive_days)
    if policy is None:
        return None
    faults = policy.faults() if strategy is None else policy_faults(policy, strategy)
    for setting, text in faults:
        section.fault(text + _origin(section, setting, preset), setting)
    if strategy is None:
        return None
    warnings = (f"{setting}: {text}" for setting, text in policy_warnings(policy, strategy))
    return ReadScope(policy, tuple(warnings))


def read_policy(section: Section, preset: Preset, inactive_days: int | None) -> Policy | None:
    """Read a policy without judging it; what it does not give is taken from the preset.

    Returns:
        The policy; `None` if one of its lists could not be read, so that nothing can be said of the whole.
    """
    login = frozenset(_read_list(section, keys.LOGIN_IDS, preset.login))
    unique = frozenset(_read_list(section, keys.UNIQUE_IDS, preset.unique))
    immutable = frozenset(_read_list(section, keys.IMMUTABLE_IDS, preset.immutable))
    fallback = _stand_in(login, unique, immutable) if preset.priority is None else preset.priority
    policy = Policy(
        strategy=section.read(keys.STRATEGY) or "",
        priority=_read_list(section, keys.IDENTITY_PRIORITY, fallback),
        login=login,
        unique=unique,
        immutable=immutable,
        max_per_type=section.read(keys.MAX_PER_TYPE),
        alias_max_window_days=section.read(keys.ALIAS_MAX_WINDOW_DAYS),
        alias_delay_s=section.read(keys.ALIAS_DELAY_S),
        search_requires_immutable=section.read(keys.SEARCH_REQUIRES_IMMUTABLE),
        inactive_days=inactive_days,
    )
    lists = (keys.IDENTITY_PRIORITY, keys.LOGIN_IDS, keys.UNIQUE_IDS, keys.IMMUTABLE_IDS)
    return None if section.unreadable(*lists) else policy


def _read_strategy(section: Section) -> Strategy | None:
    name = section.read(keys.STRATEGY)
    if name is None:
        return None
    try:
        return load_strategies([name])[name]
    except ConfigurationError as error:
        section.fault(error.message, keys.STRATEGY.name)
        return None


def _read_preset(section: Section) -> Preset:
    strategy, name = section.read(keys.STRATEGY), section.read(keys.PRESET)
    if keys.PRESET in section and strategy not in (None, DEFAULT_STRATEGY):
        section.fault(f"only the strategy {DEFAULT_STRATEGY} has presets", keys.PRESET.name)
    return preset_of(strategy, name)


def _read_list(
    section: Section, key: Key[tuple[IdentityType, ...] | None], fallback: tuple[IdentityType, ...]
) -> tuple[IdentityType, ...]:
    given = section.read(key)
    return fallback if given is None else given


def _stand_in(
    login: frozenset[IdentityType], unique: frozenset[IdentityType], immutable: frozenset[IdentityType]
) -> tuple[IdentityType, ...]:
    """Return a priority against which nothing can be said, so that its absence is reported once."""
    ranks = (immutable, login - immutable, unique - login - immutable)
    return tuple(t for rank in ranks for t in sorted(rank)) or (IdentityType.CUSTOMERID,)


def _origin(section: Section, setting: str, preset: Preset) -> str:
    """Say where a faulty list comes from that the file does not have."""
    preset_lists = {
        keys.LOGIN_IDS: preset.login,
        keys.UNIQUE_IDS: preset.unique,
        keys.IMMUTABLE_IDS: preset.immutable,
    }
    for key, types in preset_lists.items():
        if key.name == setting and key not in section:
            return f" (not given, so the preset holds: {', '.join(t.wire_name for t in types)})"
    return ""
