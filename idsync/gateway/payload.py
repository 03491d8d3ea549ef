"""Bytes of a request body to one JSON object, bounded at every step (ID-227, ID-233, ID-242).

Reading stops at the limit, decompression too, so that a small upload cannot unfold into a large one.
"""

from __future__ import annotations

import json
import zlib
from typing import Final, Protocol

import orjson
from starlette.requests import ClientDisconnect
from starlette.types import Receive

from idsync.model.errors import InvalidRequestError

__all__ = ["BAD_REQUEST", "MAX_BODY_BYTES", "parse_object", "read_text"]

MAX_BODY_BYTES: Final = 256 * 1024
"""Largest body, after decompression (ID-242)."""

_MAX_COMPRESSED_BYTES: Final = MAX_BODY_BYTES + 1024
"""Room for the frame around incompressible text; more can only be a body that is too large or never ends."""

BAD_REQUEST: Final = "BAD_REQUEST"
"""The code for a body that cannot be taken for a JSON object at all (ID-233)."""

_GZIP_WINDOW_BITS: Final = 31

Headers = list[tuple[bytes, bytes]]


async def read_text(headers: Headers, receive: Receive) -> bytes:
    """Read the whole body and undo its compression.

    Args:
        headers: The request's headers, names in lower case.
        receive: The ASGI channel the body comes from.

    Returns:
        The text as it was before compression, at most `MAX_BODY_BYTES`.

    Raises:
        InvalidRequestError: It is larger (`VALIDATION_ERROR`), or compressed in a way that cannot be undone
            (`BAD_REQUEST`). What is left of the body has not been read then.
        ClientDisconnect: The caller went away in the middle of it.
    """
    unpack: _Unpacking | None = None
    for name, value in headers:
        if name == b"content-encoding":
            unpack = _unpacking(value)
        elif name == b"content-length" and value.isdigit() and int(value[:20]) > _MAX_COMPRESSED_BYTES:
            raise _too_large()
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        piece: bytes = message.get("body", b"")
        more = message.get("more_body", False)
        if unpack is None:
            if not more and len(piece) <= MAX_BODY_BYTES:
                # All of it is here, as it nearly always is, so there is nothing to collect.
                return piece
            unpack = _Plain()
        unpack.feed(piece)
        if not more:
            return unpack.end()


def parse_object(text: bytes) -> dict[str, object]:
    """Parse a JSON object.

    Raises:
        InvalidRequestError: It is not UTF-8, not JSON, nested too deeply or no object (`BAD_REQUEST`), or it
            has half a surrogate pair, which no text can hold (`VALIDATION_ERROR`).
    """
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError:
        if _has_lone_surrogate(text):
            raise InvalidRequestError("the body holds a lone surrogate") from None
        raise InvalidRequestError("the body is not JSON", reason=BAD_REQUEST) from None
    if not isinstance(value, dict):
        raise InvalidRequestError("the body is not a JSON object", reason=BAD_REQUEST)
    return value


def _has_lone_surrogate(text: bytes) -> bool:
    """Say whether a lone surrogate is all that keeps `text` from being a JSON object."""
    try:
        value = json.loads(text.decode(), parse_constant=_refuse_constant)
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return isinstance(value, dict)
    except (ValueError, RecursionError):
        return False
    return False


def _refuse_constant(name: str) -> None:
    raise ValueError(name)


def _unpacking(encoding: bytes) -> _Unpacking:
    match encoding.strip().lower():
        case b"" | b"identity":
            return _Plain()
        case b"gzip" | b"x-gzip":
            return _Gzip()
        case _:
            raise InvalidRequestError("this Content-Encoding is not supported; gzip is", reason=BAD_REQUEST)


class _Unpacking(Protocol):
    """Collects a body piece by piece."""

    def feed(self, piece: bytes) -> None: ...

    def end(self) -> bytes: ...


class _Plain:
    """A body that is sent as it is."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []
        self._size = 0

    def feed(self, piece: bytes) -> None:
        """Take one piece."""
        self._size += len(piece)
        if self._size > MAX_BODY_BYTES:
            raise _too_large()
        self._pieces.append(piece)

    def end(self) -> bytes:
        """Give the whole text."""
        return b"".join(self._pieces)


class _Gzip:
    """A body of gzip members, one after another; never unfolds more than one byte beyond the limit."""

    def __init__(self) -> None:
        self._stream = zlib.decompressobj(_GZIP_WINDOW_BITS)
        self._text = bytearray()
        self._taken = 0

    def feed(self, piece: bytes) -> None:
        """Take one piece of the compressed body."""
        self._taken += len(piece)
        if self._taken > _MAX_COMPRESSED_BYTES:
            raise _too_large()
        while piece:
            if self._stream.eof:
                # some senders fill up with zeros; else another member begins
                piece = piece.lstrip(b"\0")
                if not piece:
                    return
                self._stream = zlib.decompressobj(_GZIP_WINDOW_BITS)
            try:
                self._text += self._stream.decompress(piece, MAX_BODY_BYTES + 1 - len(self._text))
            except zlib.error:
                raise _broken() from None
            if len(self._text) > MAX_BODY_BYTES:
                raise _too_large()
            piece = self._stream.unused_data

    def end(self) -> bytes:
        """Give the whole text, which must have ended where the compression says."""
        if not self._stream.eof:
            raise _broken()
        return bytes(self._text)


def _too_large() -> InvalidRequestError:
    return InvalidRequestError(f"the body has more than {MAX_BODY_BYTES} bytes")


def _broken() -> InvalidRequestError:
    return InvalidRequestError("the gzip compression of the body is broken", reason=BAD_REQUEST)
