"""Metadata to caller: the ways to authenticate of ID-222, and the operator's token.

Whoever fails learns that the credentials are wrong, never which part of them; an unknown key takes the same
path as a known one with a wrong secret.
"""

from __future__ import annotations

import binascii
import hashlib
import re
from base64 import b64decode
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from hmac import compare_digest
from secrets import token_urlsafe
from typing import Final

from idsync.model.errors import UnauthenticatedError
from idsync.model.signing import signature_of
from idsync.server.admission.caller import OPERATOR, Caller
from idsync.server.admission.dates import parse_date

__all__ = ["Authenticator", "Metadata", "Registration"]

Metadata = Sequence[tuple[str, str | bytes]]
"""Metadata of a call; names ending in `-bin` have bytes."""

_MAX_TEXTS: Final = 2
_MAX_PROVEN: Final = 4_096
"""Headers that are remembered: one input can write its own in several ways, so their number has a bound."""
_METHOD: Final = re.compile(rb"[A-Z]{1,16}\n")
_WRONG: Final = "credentials are missing, unknown or wrong"


@dataclass(frozen=True, slots=True)
class Registration:
    """One input that may call.

    Attributes:
        secret: Shared with the input; `None`: it has none, and only its key can open the door.
        key_only: Whether the key alone will do (ID-226).
    """

    caller: Caller
    secret: str | None = field(repr=False)
    key_only: bool


@dataclass(frozen=True, slots=True)
class _Entry:
    caller: Caller
    secret: str = field(repr=False)
    digest: bytes
    key_only: bool


class Authenticator:
    """Tells callers apart.

    Args:
        registrations: All inputs of the service.
        operator_token: What an operator must bring; `None`: there are no operators.
        delegate_token: What the pipeline of this service must bring to act for an input; `None`: nobody may.
        tolerance_s: How far the date of a signature may be off, in seconds (ID-225).
        clock: UTC milliseconds.
    """

    def __init__(
        self,
        registrations: Iterable[Registration],
        operator_token: str | None,
        tolerance_s: float,
        clock: Callable[[], int],
        delegate_token: str | None = None,
    ) -> None:
        self._entries = {r.caller.key: _entry(r.caller, r.secret, key_only=r.key_only) for r in registrations}
        self._nobody = _entry(Caller(), None, key_only=False)
        self._operator = _entry(OPERATOR, operator_token, key_only=False)
        self._delegate = _entry(Caller(), delegate_token, key_only=False)
        self._tolerance_ms = int(tolerance_s * 1000)
        self._clock = clock
        self._proven: dict[str, Caller] = {}

    def caller(self, metadata: Metadata) -> Caller:
        """Say who is calling.

        Raises:
            UnauthenticatedError: Nobody we know; or the date of a signature is too far off (ID-225).
        """
        for name, value in metadata:
            if name == "authorization" and isinstance(value, str):
                # Secrets do not change while the service runs, so what was right once stays right.
                return self._proven.get(value) or self._prove(value, metadata)
        raise UnauthenticatedError(_WRONG)

    def _prove(self, authorization: str, metadata: Metadata) -> Caller:
        form, _, rest = authorization.partition(" ")
        match form.lower():
            case "basic":
                caller = self._by_secret(rest)
            case "key":
                caller = self._by_key(rest)
            case "bearer":
                caller = self._by_token(rest)
            case "delegate":
                caller = self._by_delegation(rest)
            case "signature":
                # Proves the texts it came with, and only for a while.
                return self._by_signature(rest, metadata)
            case _:
                raise UnauthenticatedError(_WRONG)
        if len(self._proven) >= _MAX_PROVEN:
            self._proven.clear()
        self._proven[authorization] = caller
        return caller

    def _by_secret(self, encoded: str) -> Caller:
        key, secret = _pair(encoded)
        entry = self._entries.get(key, self._nobody)
        if not compare_digest(_digest(secret), entry.digest):
            raise UnauthenticatedError(_WRONG)
        return entry.caller

    def _by_key(self, key: str) -> Caller:
        entry = self._entries.get(key, self._nobody)
        if not entry.key_only:
            raise UnauthenticatedError(_WRONG)
        return entry.caller

    def _by_token(self, token: str) -> Caller:
        if not compare_digest(_digest(token), self._operator.digest):
            raise UnauthenticatedError(_WRONG)
        return OPERATOR

    def _by_delegation(self, encoded: str) -> Caller:
        """Accept who works through what an input has sent: it was counted when it came, and not again."""
        key, token = _pair(encoded)
        entry = self._entries.get(key)
        if not compare_digest(_digest(token), self._delegate.digest) or entry is None:
            raise UnauthenticatedError(_WRONG)
        return replace(entry.caller, is_delegate=True)

    def _by_signature(self, key: str, metadata: Metadata) -> Caller:
        """Accept a signature over any of the offered texts, each of which must name the date (ID-224)."""
        offered = _signature_parts(metadata)
        entry = self._entries.get(key, self._nobody)
        right = [
            compare_digest(signature_of(entry.secret, text), offered.signature) for text in offered.texts
        ]
        if not any(right):
            raise UnauthenticatedError(_WRONG)
        at_ms = parse_date(offered.date)
        if at_ms is None or abs(at_ms - self._clock()) > self._tolerance_ms:
            raise UnauthenticatedError("the date of the signature is malformed or too far from now")
        return entry.caller


def _pair(encoded: str) -> tuple[str, str]:
    try:
        key, _, secret = b64decode(encoded, validate=True).decode().partition(":")
    except (binascii.Error, ValueError):
        raise UnauthenticatedError(_WRONG) from None
    return key, secret


@dataclass(frozen=True, slots=True)
class _SignatureParts:
    date: str
    signature: str
    texts: tuple[bytes, ...]


def _signature_parts(metadata: Metadata) -> _SignatureParts:
    dates = [v for name, v in metadata if name == "idsync-date" and isinstance(v, str)]
    signatures = [v for name, v in metadata if name == "idsync-signature" and isinstance(v, str)]
    texts = tuple(v for name, v in metadata if name == "idsync-signed-text-bin" and isinstance(v, bytes))
    if len(dates) != 1 or len(signatures) != 1 or not 1 <= len(texts) <= _MAX_TEXTS:
        raise UnauthenticatedError(_WRONG)
    offered = signatures[0].lower()
    if not (offered + dates[0]).isascii() or not all(_names_date(text, dates[0]) for text in texts):
        raise UnauthenticatedError(_WRONG)
    return _SignatureParts(dates[0], offered, texts)


def _names_date(text: bytes, date: str) -> bool:
    """Say whether a text begins as ID-224 has it: a method, the date, each with its line feed."""
    method = _METHOD.match(text)
    return method is not None and text.startswith(f"{date}\n".encode(), method.end())


def _entry(caller: Caller, secret: str | None, *, key_only: bool) -> _Entry:
    # Without a secret there is one that nobody can guess, so that every path does the same work.
    known = token_urlsafe() if secret is None else secret
    return _Entry(caller, known, _digest(known), key_only)


def _digest(secret: str) -> bytes:
    """Hash a secret, so that comparing takes the same time whatever its length."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).digest()
