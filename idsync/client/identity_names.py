"""Identities the way people write them."""

from __future__ import annotations

from collections.abc import Mapping

from idsync.model.errors import InvalidRequestError
from idsync.model.identity import TYPES_BY_NAME
from idsync.v1.identity_pb2 import Identity, IdentityType

__all__ = ["identities"]


def identities(values: Mapping[str, str]) -> list[Identity]:
    """Write identities by their wire names, e.g. `identities({"email": "a@example.com"})`.

    Args:
        values: The value by the wire name of its type (ID-020, ID-022).

    Returns:
        The messages for `known_identities`, in the same order.

    Raises:
        InvalidRequestError: A name is not one of ID-020, or a value is not text that UTF-8 can carry. The
            error says which entry, and never what stands in it: name and value are easily confused.
    """
    result = []
    for position, (name, value) in enumerate(values.items()):
        field = f"known_identities[{position}]"
        identity_type = TYPES_BY_NAME.get(name)
        if identity_type is None:
            raise InvalidRequestError(f"{field}: unknown identity type", fields=(f"{field}.type",))
        try:
            result.append(Identity(type=IdentityType.ValueType(identity_type), value=value))
        except UnicodeEncodeError:
            raise InvalidRequestError(f"{field}: not valid text", fields=(f"{field}.value",)) from None
    return result
