"""Headers to credentials: who says they are calling, in one of three ways (ID-222 to ID-226).

Nothing is verified here: the service checks what is passed on. What the last callers sent is kept as it was
read, right or wrong: most callers come again, and reading it takes longer than all else about them.
"""

from __future__ import annotations

import binascii
from base64 import b64decode
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final

from starlette.types import Scope

from idsync.client import (
    BasicCredentials,
    Credentials,
    KeyCredentials,
    OperatorCredentials,
    SignedCredentials,
)
from idsync.model.errors import UnauthenticatedError
from idsync.model.signing import signed_text

__all__ = ["Claim", "has_authorization", "reader_credentials"]

_MAX_HEADER_BYTES: Final = 1024
"""No key, secret, date or signature of ours is longer; the service need not look at one that is."""

_MAX_KEPT: Final = 1_024
"""Keys, and pairs of key and secret, that are kept as they were read; none is longer than a header may be."""

_NAMES: Final = frozenset({b"authorization", b"date", b"x-mp-key", b"x-mp-signature"})

_PREFIXES: Final = ("/identity/", "/webevents/", "/nativeevents/", "/config/", "/tags/")
"""What a customer's own domain puts before a path; no path begins so without one."""


@dataclass(slots=True)
class Claim:
    """What the headers say about the caller.

    Attributes:
        key: The input's key.
        basic: Key and secret, if they were sent.
        date: The literal Date header; only kept beside a signature.
        signature: `None`: there was no signature header.
    """

    key: str
    basic: BasicCredentials | None = None
    date: str = ""
    signature: str | None = field(default=None, repr=False)

    @classmethod
    def of(cls, headers: list[tuple[bytes, bytes]], path_key: str | None = None) -> Claim:
        """Read the claim from the headers.

        Args:
            headers: Names in lower case, as ASGI has them.
            path_key: The key in the path, where the path has one; it decides then, and a key header counts
                for nothing (ID-226).

        Raises:
            UnauthenticatedError: There are no credentials, or they contradict themselves.
        """
        found = _pick(headers)
        authorization = found.get(b"authorization", b"").strip()
        basic = _basic(authorization) if authorization else None
        key = path_key if path_key is not None else _text(found.get(b"x-mp-key", b"").strip())
        if basic is not None:
            if not key:
                key = basic.key
            elif key != basic.key:
                raise UnauthenticatedError("two different keys were sent")
        if not key:
            raise UnauthenticatedError("no credentials were sent")
        signature = found.get(b"x-mp-signature")
        if signature is None:
            return cls(key, basic)
        return cls(key, basic, _text(found.get(b"date", b"")), _text(signature.strip()))

    def credentials(self, scope: Scope, text: bytes) -> Credentials:
        """Say what the service must find right before it does anything.

        A signature that is present is checked in any case, so it comes first; what else was sent is in
        `besides`.

        Args:
            scope: The ASGI scope, for what the request was sent to.
            text: The body before any compression.

        Raises:
            UnauthenticatedError: They hold what no credentials of ours can hold.
        """
        if self.signature is not None:
            return SignedCredentials(
                key=self.key,
                date=self.date,
                signature=self.signature,
                signed_texts=_signed_texts(scope, self.date, text),
            )
        return self.basic if self.basic is not None else _by_key(self.key)

    @property
    def besides(self) -> Credentials | None:
        """Credentials that must be right as well, although the call does not travel with them."""
        return self.basic if self.signature is not None else None

    @property
    def unsigned(self) -> Credentials | None:
        """What can be checked although the text of the body is not known; `None` for a signed request."""
        if self.signature is not None:
            return self.basic
        return self.basic if self.basic is not None else _by_key(self.key)


def has_authorization(headers: list[tuple[bytes, bytes]]) -> bool:
    """Say whether somebody shows credentials in the header made for them; an empty one shows none."""
    return any(name == b"authorization" and value.strip() for name, value in headers)


def reader_credentials(headers: list[tuple[bytes, bytes]]) -> Credentials:
    """Read who wants to look: an input by key and secret, or an operator by token.

    Raises:
        UnauthenticatedError: There are neither, or they cannot be read.
    """
    value = _pick(headers).get(b"authorization", b"").strip()
    if not value:
        raise UnauthenticatedError("no credentials were sent")
    scheme, _, token = value.partition(b" ")
    if scheme.lower() == b"bearer":
        return OperatorCredentials(_text(token.strip()))
    return _basic(value)


_by_key: Final = lru_cache(_MAX_KEPT)(KeyCredentials)


def _signed_texts(scope: Scope, date: str, text: bytes) -> tuple[bytes, ...]:
    """List what the signature may cover: clients differ about the query, and leave prefixes out (ID-224)."""
    path = scope["raw_path"].decode("latin-1")
    for prefix in _PREFIXES:
        if path.startswith(prefix):
            path = path.removeprefix(prefix[:-1])
            break
    query = scope["query_string"].decode("latin-1")
    paths = (path, f"{path}?{query}") if query else (path,)
    return tuple(signed_text(scope["method"], date, each, text) for each in paths)


def _pick(headers: list[tuple[bytes, bytes]]) -> dict[bytes, bytes]:
    found: dict[bytes, bytes] = {}
    for name, value in headers:
        if name in _NAMES:
            if name in found or len(value) > _MAX_HEADER_BYTES:
                raise UnauthenticatedError("a credential header is too long or was sent twice")
            found[name] = value
    return found


def _text(value: bytes) -> str:
    try:
        return value.decode("ascii")
    except UnicodeDecodeError:
        raise UnauthenticatedError("a credential header holds more than ASCII") from None


@lru_cache(_MAX_KEPT)
def _basic(value: bytes) -> BasicCredentials:
    scheme, _, encoded = value.partition(b" ")
    if scheme.lower() != b"basic":
        raise UnauthenticatedError("this kind of authorization is not known here")
    try:
        key, colon, secret = b64decode(encoded.strip(), validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        raise UnauthenticatedError("the Basic credentials cannot be read") from None
    if not colon:
        raise UnauthenticatedError("the Basic credentials have no secret")
    return BasicCredentials(key, secret)
