"""A scope's settings, and the faults that keep them from being used (section 3 of the specification)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from idsync.model.blocking import BlockedValues
from idsync.model.identity import DEVICE_TYPES, IdentityType, TypeSet, type_set

__all__ = ["DEFAULT_PRIORITY", "OLDER_DEFAULT_PRIORITY", "Policy", "ScopePolicies"]

_T = IdentityType

DEFAULT_PRIORITY: Final = (
    _T.CUSTOMERID,
    _T.EMAIL,
    _T.IOS_IDFA,
    _T.IOS_IDFV,
    _T.ANDROID_AAID,
    _T.ANDROID_UUID,
    _T.AMP_ID,
    _T.DEVICE_APPLICATION_STAMP,
)
"""The newer published priority: the preset of the strategy `default` (ID-038)."""

OLDER_DEFAULT_PRIORITY: Final = (
    _T.CUSTOMERID,
    _T.MOBILE_NUMBER,
    _T.EMAIL,
    _T.OTHER,
    _T.FACEBOOK,
    _T.GOOGLE,
    _T.TWITTER,
    _T.MICROSOFT,
    _T.YAHOO,
    _T.IOS_IDFA,
    _T.IOS_IDFV,
    _T.ANDROID_AAID,
    _T.ANDROID_UUID,
    _T.ROKU_AID,
    _T.ROKU_PUBLISHER_ID,
    _T.MICROSOFT_PUBLISHER_ID,
    _T.MICROSOFT_AID,
    _T.DEVICE_APPLICATION_STAMP,
)
"""The older published priority, the named alternative of ID-038; nothing is immutable with it."""


@dataclass(frozen=True, slots=True)
class Policy:
    """How identities are resolved in one scope; in force as a whole, never in part (ID-039).

    Attributes:
        strategy: Name of the strategy (ID-030).
        priority: Types from strongest to weakest (ID-031).
        login: Types whose possession makes a profile known (ID-032).
        unique: Types of which a value is on one record only (ID-033).
        immutable: Types whose value, once set, stays (ID-034).
        max_per_type: How many values of a type a record may hold (ID-035).
        alias_max_window_days: How far back an alias may reach, in days (ID-183).
        alias_delay_s: Seconds between taking an alias request and carrying it out (ID-187).
        search_requires_immutable: The setting of ID-086.
        inactive_days: Days without activity after which a profile is removed; `None` never (ID-214).
        conflict_guard: Whether the walk passes over a profile that has another value of a unique type than
            the request, where the type ranks above the one that leads there (X-02, decided the safe way).
        blocked_values: Values that count as not sent; `None`: none but those of ID-024 and ID-025.
    """

    strategy: str
    priority: tuple[IdentityType, ...]
    login: frozenset[IdentityType] = frozenset()
    unique: frozenset[IdentityType] = frozenset()
    immutable: frozenset[IdentityType] = frozenset()
    max_per_type: Mapping[IdentityType, int] = field(default_factory=dict)
    alias_max_window_days: int = 90
    alias_delay_s: int = 86_400
    search_requires_immutable: bool = True
    inactive_days: int | None = None
    conflict_guard: bool = False
    blocked_values: BlockedValues | None = None
    priority_set: TypeSet = field(init=False, compare=False, repr=False)
    login_set: TypeSet = field(init=False, compare=False, repr=False)
    unique_set: TypeSet = field(init=False, compare=False, repr=False)
    immutable_set: TypeSet = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        """Keep the bit sets that the hot path asks."""
        for name, types in (
            ("priority_set", self.priority),
            ("login_set", self.login),
            ("unique_set", self.unique),
            ("immutable_set", self.immutable),
        ):
            object.__setattr__(self, name, type_set(types))

    def is_known(self, types: TypeSet) -> bool:
        """Say whether a record with these types makes its profile known (ID-008)."""
        return bool(types & self.login_set)

    def faults(self) -> Iterator[tuple[str, str]]:
        """Name what ID-036 refuses with any strategy, as (setting, text); nothing: the policy is sound.

        What a single strategy refuses besides is said by the strategy itself.
        """
        for setting, types in (
            ("login_ids", self.login),
            ("unique_ids", self.unique),
            ("immutable_ids", self.immutable),
        ):
            yield from ((setting, f"{t.wire_name} is not in identity_priority") for t in _not_in(self, types))
            yield from (
                (setting, f"{t.wire_name} is a device type") for t in sorted(types) if t in DEVICE_TYPES
            )
        for t in sorted(self.immutable):
            if t not in self.login or t not in self.unique:
                yield "immutable_ids", f"{t.wire_name} must be a login and a unique ID to be immutable"
            if self.max_per_type.get(t, 1) != 1:
                yield "max_per_type", f"{t.wire_name} is immutable: its maximum is 1"
        yield from self._rank_faults("immutable_ids", self.immutable, "immutable")
        yield from (
            ("identity_priority", f"{t.wire_name} is named twice")
            for t in sorted(set(self.priority))
            if self.priority.count(t) > 1
        )
        if not self.priority:
            yield "identity_priority", "must name at least one type"
        for t, limit in sorted(self.max_per_type.items()):
            if limit < 1:
                yield "max_per_type", f"{t.wire_name} must be at least 1"

    def _rank_faults(
        self, setting: str, special: frozenset[IdentityType], adjective: str
    ) -> Iterator[tuple[str, str]]:
        plain_seen = False
        for t in self.priority:
            if t not in special:
                plain_seen = True
            elif plain_seen:
                yield setting, f"{t.wire_name} ranks below a type that is not {adjective}"

    def login_rank_faults(self) -> Iterator[tuple[str, str]]:
        """Name login IDs that rank below other types: refused or warned of, by strategy (ID-036)."""
        return self._rank_faults("login_ids", self.login, "a login ID")

    def warnings(self) -> Iterator[tuple[str, str]]:
        """Name what works but surprises, with any strategy (ID-036)."""
        if self.immutable:
            for t in sorted((self.login & self.unique) - self.immutable):
                yield (
                    "immutable_ids",
                    f"{t.wire_name} is login and unique but not immutable: it alone opens no profile "
                    "that has an immutable ID",
                )
        if self.conflict_guard and not self.unique:
            yield "conflict_guard", "there are no unique types, so nobody is ever at odds with a request"


def _not_in(policy: Policy, types: Iterable[IdentityType]) -> list[IdentityType]:
    return [t for t in sorted(types) if t not in policy.priority]


ScopePolicies = Mapping[str, Policy]
"""The policy in force in each scope, by the scope's name."""
