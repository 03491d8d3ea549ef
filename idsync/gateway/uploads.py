"""The JSON of event uploads, read with more patience than that of identity calls.

A client that is told 400 sends the same batch again for ever, so 400 is for what is no JSON at all.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from typing import Final

import orjson

from idsync.gateway.payload import BAD_REQUEST
from idsync.model.errors import InvalidRequestError
from idsync.model.events import MAX_EVENT_NAME_CHARS, BatchRefusedError

__all__ = [
    "MAX_BATCH_BYTES",
    "MAX_ID_BYTES",
    "id_of",
    "read_upload",
    "refused_with",
    "text_of",
    "time_of",
    "written",
]

MAX_BATCH_BYTES: Final = 128 * 1024
"""Largest single batch (EV-010)."""

MAX_ID_BYTES: Final = 256
"""Longest id of a sender that is kept as it is; of what is longer, the digest is."""

_INT64_MAX: Final = 2**63 - 1
_INTEGER_CHARS: Final = 1_000
"""Integers that are written with more digits are read as floating point: nobody means one."""


def read_upload(text: bytes) -> object:
    """Parse any JSON value.

    Raises:
        InvalidRequestError: It is no JSON (`BAD_REQUEST`).
        BatchRefusedError: It is, but nested so deeply that nobody can read it.
    """
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        pass
    try:
        # takes half of a surrogate pair, which scripts that cut texts leave behind
        value: object = json.loads(text.decode(), parse_constant=_refuse_constant, parse_int=_integer)
    except RecursionError:
        raise BatchRefusedError("the body is nested too deeply", cause="too_deep", body=text) from None
    except ValueError:
        raise InvalidRequestError("the body is not JSON", reason=BAD_REQUEST) from None
    return value


def written(value: object) -> bytes:
    """Write what was read, for a batch that came as one of many.

    Raises:
        BatchRefusedError: It is nested so deeply that nobody can write it.
    """
    try:
        return orjson.dumps(value)
    except orjson.JSONEncodeError:
        pass
    try:
        # half surrogate pairs, which are written as they came, and integers beyond 64 bits
        text = json.dumps(value, separators=(",", ":"), ensure_ascii=False)
    except RecursionError:
        raise BatchRefusedError("the batch is nested too deeply", cause="too_deep") from None
    return text.encode("utf-8", "backslashreplace")


@contextmanager
def refused_with(text: bytes) -> Iterator[None]:
    """Hold one batch to its length, and let whatever refuses it within say what it was.

    Raises:
        BatchRefusedError: It is longer than `MAX_BATCH_BYTES`, or what was raised within.
    """
    if len(text) > MAX_BATCH_BYTES:
        raise BatchRefusedError(f"the batch has more than {MAX_BATCH_BYTES} bytes", cause="too_large")
    try:
        yield
    except BatchRefusedError as error:
        error.body = text
        raise


def text_of(value: object, limit: int = MAX_EVENT_NAME_CHARS) -> str:
    """Give a text as it can be stored, cut at a number of characters; empty for what is no text."""
    if type(value) is not str:
        return ""
    return value[:limit].encode("utf-8", "replace").decode() if not value.isascii() else value[:limit]


def id_of(value: object) -> str:
    """Give the id of a sender by which repetition is recognised; empty for what is none.

    Indexes hold no long ones: of an id with more than `MAX_ID_BYTES` bytes the digest stands for it.
    """
    if type(value) is not str:
        return ""
    written = value.encode("utf-8", "backslashreplace")
    if len(written) > MAX_ID_BYTES:
        return f"sha256:{sha256(written).hexdigest()}"
    return written.decode()


def time_of(value: object) -> int | None:
    """Give a time in UTC milliseconds; `None` for what cannot be one."""
    if type(value) is float and value.is_integer():
        value = int(value)
    return value if type(value) is int and 0 <= value <= _INT64_MAX else None


def _integer(digits: str) -> int | float:
    return int(digits) if len(digits) <= _INTEGER_CHARS else float(digits)


def _refuse_constant(name: str) -> None:
    raise ValueError(name)
