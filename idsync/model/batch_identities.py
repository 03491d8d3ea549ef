"""The identities of a batch, in whichever spelling, as those of the identity service (ID-020, EV-033)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from idsync.model.events import BatchRefusedError
from idsync.model.identity import TYPES_BY_NAME, USER_TYPES, IdentityType

__all__ = ["device_identities", "identities_of", "numbered_identities"]

_USER_NAMES: Final[Mapping[str, IdentityType]] = (
    {name: kind for name, kind in TYPES_BY_NAME.items() if kind in USER_TYPES}
    | {"customer_id": IdentityType.CUSTOMERID}
    | {f"other_id_{number}": TYPES_BY_NAME[f"other{number}"] for number in range(2, 11)}
)
_DEVICE_NAMES: Final[Mapping[str, IdentityType]] = {
    "ios_advertising_id": IdentityType.IOS_IDFA,
    "ios_idfv": IdentityType.IOS_IDFV,
    "android_advertising_id": IdentityType.ANDROID_AAID,
    "android_uuid": IdentityType.ANDROID_UUID,
    "amp_id": IdentityType.AMP_ID,
    "push_token": IdentityType.PUSH_TOKEN,
    "roku_advertising_id": IdentityType.ROKU_AID,
    "roku_publisher_id": IdentityType.ROKU_PUBLISHER_ID,
    "fire_advertising_id": IdentityType.FIRE_AID,
    "microsoft_advertising_id": IdentityType.MICROSOFT_AID,
    "microsoft_publisher_id": IdentityType.MICROSOFT_PUBLISHER_ID,
}
_ADVERTISING: Final = frozenset(
    {
        IdentityType.IOS_IDFA,
        IdentityType.ANDROID_AAID,
        IdentityType.ROKU_AID,
        IdentityType.FIRE_AID,
        IdentityType.MICROSOFT_AID,
    }
)
_OPTED_OUT: Final = "00000000-0000-0000-0000-000000000000"
"""What a device says in the place of its advertising id when its user does not want to be followed."""
_NUMBERED: Final = 22
"""User identities have numbers from 0 on in the short form; they are one less than ours."""


def identities_of(body: Mapping[str, object], stamp: object) -> dict[IdentityType, str]:
    """Collect `user_identities`, those of `device_info`, and the device application stamp.

    Names that nobody knows are left alone.

    Args:
        body: The batch.
        stamp: The device application stamp, wherever the batch has it.

    Raises:
        BatchRefusedError: One type has two different values, or one that is no text (ID-023).
    """
    pairs = (
        *_named(body.get("user_identities"), _USER_NAMES),
        *_named(body.get("device_info"), _DEVICE_NAMES),
        (IdentityType.DEVICE_APPLICATION_STAMP, stamp),
    )
    return _collect(pairs)


def device_identities(device_info: object) -> dict[IdentityType, str]:
    """Collect what `device_info` names the device by; what is no text, or says nothing, is left out."""
    return {
        kind: value
        for kind, value in _named(device_info, _DEVICE_NAMES)
        if isinstance(value, str) and not _says_nothing(kind, value)
    }


def numbered_identities(listed: object, stamp: object) -> dict[IdentityType, str]:
    """Collect identities that are written with numbers for their types, as devices do.

    Args:
        listed: Objects with `n` and `i`, or `Type` and `Identity`; else names and values as in other batches.
        stamp: The device application stamp.

    Raises:
        BatchRefusedError: One type has two different values, or one that is no text (ID-023).
    """
    pairs: list[tuple[IdentityType, object]] = [(IdentityType.DEVICE_APPLICATION_STAMP, stamp)]
    if isinstance(listed, list):
        for each in listed:
            if isinstance(each, dict):
                number = each.get("n", each.get("Type"))
                if type(number) is int and 0 <= number < _NUMBERED:
                    pairs.append((IdentityType(number + 1), each.get("i", each.get("Identity"))))
    else:
        pairs.extend(_named(listed, _USER_NAMES))
    return _collect(pairs)


def _named(members: object, names: Mapping[str, IdentityType]) -> Iterator[tuple[IdentityType, object]]:
    if isinstance(members, dict):
        for name, value in members.items():
            kind = names.get(name)
            if kind is not None:
                yield kind, value


def _collect(pairs: Iterable[tuple[IdentityType, object]]) -> dict[IdentityType, str]:
    found: dict[IdentityType, str] = {}
    for kind, value in pairs:
        if value is None or (isinstance(value, str) and _says_nothing(kind, value)):
            continue
        if not isinstance(value, str):
            raise BatchRefusedError(f"{kind.wire_name} must be a text", cause="invalid_identity")
        if found.setdefault(kind, value) != value:
            raise BatchRefusedError(f"the batch has two values of {kind.wire_name}", cause="invalid_identity")
    return found


def _says_nothing(kind: IdentityType, value: str) -> bool:
    """Say whether a value counts as not sent: blank (ID-024), or zeros for an advertising id (EV-006)."""
    return not value.strip() or (value == _OPTED_OUT and kind in _ADVERTISING)
