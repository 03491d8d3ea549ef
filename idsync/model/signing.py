"""How requests are signed: one pure function for those who sign and those who check (ID-224)."""

from __future__ import annotations

import hmac

__all__ = ["signature", "signature_of", "signed_text"]


def signed_text(method: str, date: str, path: str, body: bytes) -> bytes:
    """Put together what is signed: method, date and path with body, one line feed between each (ID-224).

    Args:
        method: The HTTP method in capitals.
        date: The literal text of the `Date` header.
        path: The canonical path, with the query if the signer took it in.
        body: The JSON text before any compression.
    """
    return f"{method}\n{date}\n{path}".encode() + body


def signature_of(secret: str, text: bytes) -> str:
    """Sign a text: lower-case hexadecimal HMAC-SHA256, keyed with the UTF-8 bytes of the secret."""
    return hmac.digest(secret.encode(), text, "sha256").hex()


def signature(secret: str, method: str, date: str, path: str, body: str | bytes) -> str:
    """Sign a request (ID-224); a `body` given as text is signed as UTF-8."""
    raw = body.encode() if isinstance(body, str) else body
    return signature_of(secret, signed_text(method, date, path, raw))
