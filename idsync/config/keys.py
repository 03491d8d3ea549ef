"""Every section of the configuration file and every key in it, with its kind, unit and default."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Final, Generic, TypeVar

from idsync.config.blocked import blocked
from idsync.config.configuration import Limits
from idsync.config.kinds import Kind, count, flag, one_of, text, type_counts, types
from idsync.model.blocking import BlockedValues
from idsync.model.identity import IdentityType
from idsync.model.policy import Policy

__all__ = [
    "ALIASING",
    "ALIAS_DELAY_S",
    "ALIAS_MAX_WINDOW_DAYS",
    "BLOCKED_VALUES",
    "CALLS_DAYS",
    "CERTIFICATE_FILE",
    "CONFLICT_GUARD",
    "IDENTITY_PRIORITY",
    "IMMUTABLE_IDS",
    "INACTIVE_DAYS",
    "KEY",
    "KEY_FILE",
    "KEY_ONLY",
    "LIMITS",
    "LOGIN_IDS",
    "MAX_GROWTH_PER_DAY",
    "MAX_KNOWN",
    "MAX_PER_TYPE",
    "MAX_RECORDS",
    "MAY_READ",
    "PLATFORM",
    "PLATFORMS",
    "PRESET",
    "QUARANTINE",
    "SCOPE",
    "SEARCH_REQUIRES_IMMUTABLE",
    "SECRET",
    "SECRET_FILE",
    "SECTIONS",
    "STRATEGY",
    "TOKEN",
    "TOKEN_FILE",
    "UNIQUE_IDS",
    "Key",
]

T = TypeVar("T")

_MOST_DAYS: Final = 36_500
"""A hundred years: times reckoned with it stay within what a timestamp can say."""

PLATFORMS: Final = (
    "ios",
    "android",
    "web",
    "tvos",
    "roku",
    "alexa",
    "smart_tv",
    "fire",
    "xbox",
    "other",
    "server",
    "feed",
)
"""The platforms of ID-228, a backend of one's own, and a feed of somebody else's data."""


@dataclass(frozen=True)
class Key(Generic[T]):
    """One key of the file.

    Attributes:
        name: The name in the file, with its unit where it has one.
        kind: Judges the value.
        default: What holds without the key.
        unit: What a number counts; empty for other kinds.
        required: Whether the section is refused without the key.
    """

    name: str
    kind: Kind[Any]
    default: T
    unit: str = ""
    required: bool = False


def _policy_default(name: str) -> Any:
    defaults: dict[str, Any] = {f.name: f.default for f in fields(Policy)}
    return defaults[name]


_Text = str | None
_Types = tuple[IdentityType, ...] | None

TOKEN: Final = Key[_Text]("token", text, None)
TOKEN_FILE: Final = Key[_Text]("token_file", text, None)

STRATEGY: Final = Key[_Text]("strategy", text, None, required=True)
PRESET: Final = Key[_Text]("preset", one_of("newer", "older"), None)
IDENTITY_PRIORITY: Final = Key[_Types]("identity_priority", types, None)
LOGIN_IDS: Final = Key[_Types]("login_ids", types, None)
UNIQUE_IDS: Final = Key[_Types]("unique_ids", types, None)
IMMUTABLE_IDS: Final = Key[_Types]("immutable_ids", types, None)
MAX_PER_TYPE: Final = Key[Mapping[IdentityType, int]]("max_per_type", type_counts, {}, "values")
ALIAS_MAX_WINDOW_DAYS: Final = Key[int](
    "alias_max_window_days", count(0, _MOST_DAYS), _policy_default("alias_max_window_days"), "days"
)
ALIAS_DELAY_S: Final = Key[int]("alias_delay_s", count(0), _policy_default("alias_delay_s"), "seconds")
SEARCH_REQUIRES_IMMUTABLE: Final = Key[bool](
    "search_requires_immutable", flag, _policy_default("search_requires_immutable")
)

SCOPE: Final = Key[_Text]("scope", text, None)
ALIASING: Final = Key[bool]("aliasing", flag, default=True)

PLATFORM: Final = Key[str]("platform", one_of(*PLATFORMS), "other")
KEY: Final = Key[_Text]("key", text, None, required=True)
SECRET: Final = Key[_Text]("secret", text, None)
SECRET_FILE: Final = Key[_Text]("secret_file", text, None)
KEY_ONLY: Final = Key[bool]("key_only", flag, default=False)
MAY_READ: Final = Key[bool]("may_read", flag, default=False)

CERTIFICATE_FILE: Final = Key[_Text]("certificate_file", text, None, required=True)
KEY_FILE: Final = Key[_Text]("key_file", text, None, required=True)

SIGNING_KEY_FILE: Final = Key[_Text]("signing_key_file", text, None)

INACTIVE_DAYS: Final = Key[int | None](
    "inactive_days", count(1, _MOST_DAYS), _policy_default("inactive_days"), "days"
)

CALLS_DAYS: Final = Key[int]("calls_days", count(0, _MOST_DAYS), 30, "days")
CONFLICT_GUARD: Final = Key[bool]("conflict_guard", flag, _policy_default("conflict_guard"))
BLOCKED_VALUES: Final = Key[BlockedValues | None](
    "blocked_values", blocked, _policy_default("blocked_values")
)

LIMITS: Final = tuple(
    Key[Any](
        f.name, count(f.metadata.get("least", 1 if f.default is None else 0)), f.default, f.metadata["unit"]
    )
    for f in fields(Limits)
)
"""A rate of nothing would lock everybody out by a slip, so rates begin at 1; other limits may be 0."""

MAX_KNOWN: Final = Key[Mapping[IdentityType, int]]("max_known", type_counts, {}, "profiles")
MAX_RECORDS: Final = Key[Mapping[IdentityType, int]]("max_records", type_counts, {}, "profiles")
MAX_GROWTH_PER_DAY: Final = Key[Mapping[IdentityType, int]]("max_growth_per_day", type_counts, {}, "profiles")
QUARANTINE: Final = Key[bool]("quarantine", flag, False)

SECTIONS: Final[Mapping[str, tuple[Key[Any], ...]]] = {
    "operator": (TOKEN, TOKEN_FILE),
    "scopes.NAME": (
        STRATEGY,
        PRESET,
        IDENTITY_PRIORITY,
        LOGIN_IDS,
        UNIQUE_IDS,
        IMMUTABLE_IDS,
        MAX_PER_TYPE,
        ALIAS_MAX_WINDOW_DAYS,
        ALIAS_DELAY_S,
        SEARCH_REQUIRES_IMMUTABLE,
    ),
    "workspaces.NAME": (SCOPE, ALIASING),
    "workspaces.NAME.inputs": (PLATFORM, KEY, SECRET, SECRET_FILE, KEY_ONLY, MAY_READ),
    "tls": (CERTIFICATE_FILE, KEY_FILE),
    "limits": LIMITS,
    "retention": (INACTIVE_DAYS, CALLS_DAYS),
    "privacy": (SIGNING_KEY_FILE,),
    "guards": (CONFLICT_GUARD, BLOCKED_VALUES),
    "radar": (MAX_KNOWN, MAX_RECORDS, MAX_GROWTH_PER_DAY, QUARANTINE),
}
"""The keys of each section; NAME stands for a name of the operator's choice."""
