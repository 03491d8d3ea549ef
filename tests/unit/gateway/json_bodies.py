"""JSON bodies of identity calls, and what is read from them."""

from __future__ import annotations

import json
from typing import Any

from idsync.gateway.bodies import resolve_request
from idsync.v1 import identity_pb2 as nouns
from idsync.v1 import identity_service_pb2 as pb

FULL_WIDTH = "\uff11\uff12"
"""Digits to a reader, and to `int`."""
WHOLE: dict[str, Any] = {"environment": "production", "known_identities": {"email": "a@example.com"}}


def text_of(body: object, **changes: object) -> bytes:
    """Write a body with some members changed, or without those that are `...`."""
    if changes:
        assert isinstance(body, dict)
        body = {name: value for name, value in {**body, **changes}.items() if value is not ...}
    return json.dumps(body).encode()


def identify(text: bytes) -> pb.IdentifyRequest:
    return resolve_request(pb.IdentifyRequest, text, read_only=False)


def known(message: pb.IdentifyRequest | pb.LoginRequest | pb.SearchRequest) -> dict[str, str]:
    return {
        nouns.IdentityType.Name(each.type).removeprefix("IDENTITY_TYPE_").lower(): each.value
        for each in message.known_identities
    }
