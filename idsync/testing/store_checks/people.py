"""The identities that the checks write; each name says what kind of value it is."""

from __future__ import annotations

from typing import Final

from idsync.model.identity import Identity, IdentityType

__all__ = [
    "CUSTOMER",
    "DEVICE",
    "MAIL",
    "NICKNAME",
    "OTHER_CUSTOMER",
    "OTHER_DEVICE",
    "OTHER_MAIL",
    "STAMP",
    "numbered",
]

CUSTOMER: Final = Identity(IdentityType.CUSTOMERID, "customer-1")
OTHER_CUSTOMER: Final = Identity(IdentityType.CUSTOMERID, "customer-2")
MAIL: Final = Identity(IdentityType.EMAIL, "one@example.com")
OTHER_MAIL: Final = Identity(IdentityType.EMAIL, "two@example.com")
NICKNAME: Final = Identity(IdentityType.OTHER, "nickname")
DEVICE: Final = Identity(IdentityType.IOS_IDFV, "device-1")
OTHER_DEVICE: Final = Identity(IdentityType.IOS_IDFV, "device-2")
STAMP: Final = Identity(IdentityType.DEVICE_APPLICATION_STAMP, "stamp-1")


def numbered(identity_type: IdentityType, number: int) -> Identity:
    """Give one of many identities of a type."""
    return Identity(identity_type, f"value-{number}")
