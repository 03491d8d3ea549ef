"""Pages of a list: how long they are, and the tokens that continue them.

A token carries the place to go on from and a digest over it and the question, so that one that was cut,
altered or brought to another question is refused instead of giving a wrong page.
"""

from __future__ import annotations

import binascii
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass
from hashlib import blake2b
from typing import Final

from idsync.model.errors import InvalidRequestError
from idsync.server.wire.faults import bound_of, refuse

__all__ = ["Page", "page_of"]

_DIGEST_BYTES: Final = 8
_CURSOR_BYTES: Final = 8


@dataclass(frozen=True, slots=True)
class Page:
    """One page asked for.

    Attributes:
        size: How many items it may have.
        cursor: Where the page before ended; `None`: this is the first.
        question: What the list is of.
    """

    size: int
    cursor: int | None
    question: bytes

    def token(self, cursor: int) -> str:
        """Give the token for the page after this one, which ended at `cursor`."""
        place = cursor.to_bytes(_CURSOR_BYTES, "big", signed=True)
        return urlsafe_b64encode(place + _digest(place, self.question)).rstrip(b"=").decode()


def page_of(size: int, token: str, *, default: int, most: int, question: object) -> Page:
    """Read what a request says about pages.

    Args:
        size: As sent; 0 means `default`, more than `most` means `most`.
        token: As sent; empty for the first page.
        default: Size where none is asked for.
        most: Size that is never exceeded.
        question: Everything that tells one list from another.

    Raises:
        InvalidRequestError: The size is negative, or the token none of ours for this question.
    """
    wanted = bound_of("page_size", size, default=default, most=most)
    asked = repr(question).encode("utf-8", "surrogatepass")
    cursor = _cursor(token, asked) if token else None
    return Page(wanted, cursor, asked)


def _cursor(token: str, question: bytes) -> int:
    try:
        raw = urlsafe_b64decode(token + "=" * (-len(token) % 4))
    except (binascii.Error, ValueError):
        raise _broken() from None
    place, digest = raw[:_CURSOR_BYTES], raw[_CURSOR_BYTES:]
    if len(place) != _CURSOR_BYTES or digest != _digest(place, question):
        raise _broken()
    return int.from_bytes(place, "big", signed=True)


def _broken() -> InvalidRequestError:
    return refuse([("page_token", "belongs to no page of this list")])


def _digest(place: bytes, question: bytes) -> bytes:
    return blake2b(place + question, digest_size=_DIGEST_BYTES).digest()
