"""Identities, the graphs they live in, and the types they may have (section 2 of the specification)."""

from __future__ import annotations

from collections.abc import Iterable
from enum import IntEnum
from typing import Final, NamedTuple, TypeAlias

__all__ = [
    "ADVERTISING_TYPES",
    "DEVICE_TYPES",
    "TYPES_BY_NAME",
    "USER_TYPES",
    "Environment",
    "GraphKey",
    "Identity",
    "IdentityType",
    "Mpid",
    "TypeSet",
    "type_set",
]

Mpid: TypeAlias = int
"""A profile's name: signed 64 bits, never 0, never given twice (ID-007)."""

TypeSet: TypeAlias = int
"""A set of identity types, one bit each: bit number `IdentityType.value`."""


class IdentityType(IntEnum):
    """The types of ID-020; the numbers are those of the wire contract and of the store."""

    OTHER = 1
    CUSTOMERID = 2
    FACEBOOK = 3
    TWITTER = 4
    GOOGLE = 5
    MICROSOFT = 6
    YAHOO = 7
    EMAIL = 8
    ALIAS = 9
    FACEBOOKCUSTOMAUDIENCEID = 10
    OTHER2 = 11
    OTHER3 = 12
    OTHER4 = 13
    OTHER5 = 14
    OTHER6 = 15
    OTHER7 = 16
    OTHER8 = 17
    OTHER9 = 18
    OTHER10 = 19
    MOBILE_NUMBER = 20
    PHONE_NUMBER_2 = 21
    PHONE_NUMBER_3 = 22
    IOS_IDFA = 23
    IOS_IDFV = 24
    ANDROID_AAID = 25
    ANDROID_UUID = 26
    AMP_ID = 27
    PUSH_TOKEN = 28
    ROKU_AID = 29
    ROKU_PUBLISHER_ID = 30
    FIRE_AID = 31
    MICROSOFT_AID = 32
    MICROSOFT_PUBLISHER_ID = 33
    DEVICE_APPLICATION_STAMP = 34

    @property
    def wire_name(self) -> str:
        """The name on the identity surface (ID-020)."""
        return self.name.lower()

    @property
    def bit(self) -> TypeSet:
        """The set that holds this type alone."""
        return 1 << self.value


DEVICE_TYPES: Final = frozenset(t for t in IdentityType if t >= IdentityType.IOS_IDFA)
USER_TYPES: Final = frozenset(IdentityType) - DEVICE_TYPES
ADVERTISING_TYPES: Final = frozenset(
    {
        IdentityType.IOS_IDFA,
        IdentityType.ANDROID_AAID,
        IdentityType.ROKU_AID,
        IdentityType.FIRE_AID,
        IdentityType.MICROSOFT_AID,
    }
)
"""Types whose value of zeros says that the person opted out (ID-025)."""

TYPES_BY_NAME: Final[dict[str, IdentityType]] = {t.wire_name: t for t in IdentityType} | {
    "facebook_custom_audience_id": IdentityType.FACEBOOKCUSTOMAUDIENCEID
}
"""Every accepted wire name, the second spelling of ID-022 included."""


def type_set(types: Iterable[IdentityType]) -> TypeSet:
    """Fold types into a bit set."""
    result = 0
    for identity_type in types:
        result |= identity_type.bit
    return result


class Environment(IntEnum):
    """Two separate graphs in every scope (ID-004); the numbers are those of the wire and the store."""

    PRODUCTION = 1
    DEVELOPMENT = 2

    @property
    def wire_name(self) -> str:
        """`production` or `development`."""
        return self.name.lower()


class GraphKey(NamedTuple):
    """One graph: nothing is ever matched, moved or counted across (ID-002, ID-004)."""

    scope: str
    environment: Environment


class Identity(NamedTuple):
    """One identifier, compared exactly (ID-023); its text form never shows the value."""

    type: IdentityType
    value: str

    def __repr__(self) -> str:
        """Name the type only: identity values never reach logs or error texts."""
        return f"Identity({IdentityType(self.type).wire_name}, ***)"
