"""What travels beside a message: the metadata that the service reads, and errors, each as bytes and back."""

from __future__ import annotations

import json
import struct
from typing import Final

from idsync.model import errors
from idsync.model.errors import IdsyncError
from idsync.server.admission.credentials import Metadata

__all__ = ["MetadataReader", "MetadataWriter", "error_from_bytes", "error_to_bytes"]

_READ: Final = "authorization"
_READ_PREFIX: Final = "idsync-"
_PAIR: Final = struct.Struct("<?II")
"""Whether the value is text, and the lengths of name and value."""
_MAX_KNOWN: Final = 4_096
"""Metadata that is remembered on either side: one caller sends the same with each call."""
_MAX_KNOWN_BYTES: Final = 1_024
"""What is longer is not remembered: a signed text, which never comes twice."""

_Pairs = tuple[tuple[str, str | bytes], ...]
_KINDS: Final[dict[str, type[IdsyncError]]] = {
    kind.__name__: kind for kind in (getattr(errors, name) for name in errors.__all__)
}


class MetadataWriter:
    """Turns metadata into bytes: credentials only; a trace id goes by itself, and nothing else is read."""

    def __init__(self) -> None:
        self._known: dict[_Pairs, bytes] = {}

    def written(self, metadata: Metadata) -> bytes:
        """Write down what the service reads of it."""
        pairs = tuple(pair for pair in metadata if pair[0] == _READ or pair[0].startswith(_READ_PREFIX))
        known = self._known.get(pairs)
        return known if known is not None else self._write(pairs)

    def _write(self, pairs: _Pairs) -> bytes:
        parts: list[bytes] = []
        for name, value in pairs:
            key = _to_bytes(name)
            content = value if isinstance(value, bytes) else _to_bytes(value)
            parts += _PAIR.pack(isinstance(value, str), len(key), len(content)), key, content
        written = b"".join(parts)
        if len(written) <= _MAX_KNOWN_BYTES:
            if len(self._known) >= _MAX_KNOWN:
                self._known.clear()
            self._known[pairs] = written
        return written


class MetadataReader:
    """Turns the bytes of a `MetadataWriter` into metadata."""

    def __init__(self) -> None:
        self._known: dict[bytes, _Pairs] = {}

    def read(self, written: bytes) -> _Pairs:
        """Read metadata."""
        known = self._known.get(written)
        return known if known is not None else self._read(written)

    def _read(self, written: bytes) -> _Pairs:
        pairs: list[tuple[str, str | bytes]] = []
        at = 0
        while at < len(written):
            is_text, key_size, value_size = _PAIR.unpack_from(written, at)
            at += _PAIR.size
            middle, end = at + key_size, at + key_size + value_size
            value = written[middle:end]
            pairs.append((_from_bytes(written[at:middle]), _from_bytes(value) if is_text else value))
            at = end
        read = tuple(pairs)
        if len(written) <= _MAX_KNOWN_BYTES:
            if len(self._known) >= _MAX_KNOWN:
                self._known.clear()
            self._known[written] = read
        return read


def error_to_bytes(error: IdsyncError) -> bytes:
    """Write an error down, as the nearest kind that `idsync.model.errors` has."""
    kind = next(each.__name__ for each in type(error).__mro__ if _KINDS.get(each.__name__) is each)
    return json.dumps([kind, {**vars(error), "metadata": dict(error.metadata)}]).encode()


def error_from_bytes(written: bytes) -> IdsyncError:
    """Read an error that says the same as the one written down."""
    name, said = json.loads(written)
    kind = _KINDS[name]
    error = kind.__new__(kind, said["message"])
    error.__dict__.update({k: tuple(v) if isinstance(v, list) else v for k, v in said.items()})
    return error


def _to_bytes(text: str) -> bytes:
    # A gateway may pass on what is no text at all; the answer to it is ours to give, not an encoder's.
    return text.encode("utf-8", "surrogatepass")


def _from_bytes(data: bytes) -> str:
    return data.decode("utf-8", "surrogatepass")
