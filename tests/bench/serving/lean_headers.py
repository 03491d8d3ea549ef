"""The header blocks of the lean prototype: HPACK by the package `hpack`, and what gRPC writes into them.

RFC 7541, and gRPC's PROTOCOL-HTTP2 document.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable
from importlib import import_module
from typing import Any, Final, NamedTuple
from urllib.parse import quote

__all__ = ["MAX_HEADER_BYTES", "RESPONSE_HEADERS", "BlockError", "Reader", "Request", "trailers"]

MAX_HEADER_BYTES: Final = 1024 * 1024
"""Size of all headers of a call, as with grpc.aio: a signed request brings the text it signed."""
_MAX_KNOWN: Final = 64
_UNITS_S: Final = {"H": 3600.0, "M": 60.0, "S": 1.0, "m": 1e-3, "u": 1e-6, "n": 1e-9}


class BlockError(Exception):
    """A header block cannot be read, or is no gRPC request."""


class Request(NamedTuple):
    """What the headers of a call say; `timeout_s` is `None` without a deadline."""

    path: str
    metadata: tuple[tuple[str, str | bytes], ...]
    timeout_s: float | None


class Reader:
    """Reads the header blocks of one connection; what came in the same bytes before is not decoded again."""

    def __init__(self) -> None:
        hpack: Any = import_module("hpack")
        self._decoder = hpack.Decoder(max_header_list_size=MAX_HEADER_BYTES)
        self._errors = (hpack.HPACKError, UnicodeDecodeError)
        self._known: dict[bytes, Request] = {}

    def read(self, block: bytes) -> Request:
        """Read one block; all have to be, in order, since they change the table.

        Raises:
            BlockError: It cannot be read.
        """
        known = self._known.get(block)
        if known is not None:
            return known
        entries = self._decoder.header_table.dynamic_entries
        before = (len(entries), entries[0] if entries else None)
        try:
            request = _request(self._decoder.decode(block))
        except self._errors as error:
            raise BlockError(type(error).__name__) from None
        if before != (len(entries), entries[0] if entries else None):
            self._known.clear()
        elif len(self._known) < _MAX_KNOWN:
            self._known[block] = request
        return request


def _request(headers: Iterable[tuple[str, str]]) -> Request:
    path, timeout_s = "", None
    metadata: list[tuple[str, str | bytes]] = []
    for name, value in headers:
        if name == ":path":
            path = value
        elif name == "grpc-timeout":
            timeout_s = _seconds(value)
        elif name.endswith("-bin"):
            metadata.append((name, _binary(value)))
        elif not name.startswith(":"):
            metadata.append((name, value))
    return Request(path, tuple(metadata), timeout_s)


def _seconds(value: str) -> float:
    number, unit = value[:-1], value[-1:]
    if not (number.isascii() and number.isdigit() and len(number) <= 8 and unit in _UNITS_S):
        raise BlockError("grpc-timeout")
    return int(number) * _UNITS_S[unit]


def _binary(value: str) -> bytes:
    try:
        return base64.b64decode(value + "=" * (-len(value) % 4), validate=True)
    except ValueError:
        raise BlockError("a binary header") from None


def _literal(name: str, value: bytes) -> bytes:
    """Encode a header that no table will hold."""
    return b"\0" + _length(len(name)) + name.encode() + _length(len(value)) + value


def _length(length: int) -> bytes:
    if length < 127:
        return bytes([length])
    rest, coded = length - 127, bytearray([127])
    while rest >= 128:
        coded.append(rest & 127 | 128)
        rest >>= 7
    coded.append(rest)
    return bytes(coded)


RESPONSE_HEADERS: Final = b"\x88" + _literal("content-type", b"application/grpc")
_OK: Final = _literal("grpc-status", b"0")


def trailers(code: int, text: str, trailing: Iterable[tuple[str, str | bytes]]) -> bytes:
    """Encode what ends an answer: status and trailing metadata."""
    block = _OK
    if code:
        block = _literal("grpc-status", str(code).encode())
        block += _literal("grpc-message", quote(text, safe=" !#$&'()*+,-./:;<=>?@[]^_`{|}~").encode())
    for name, value in trailing:
        block += _literal(
            name, value.encode() if isinstance(value, str) else base64.b64encode(value).rstrip(b"=")
        )
    return block
