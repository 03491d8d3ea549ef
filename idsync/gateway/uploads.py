"""The JSON of event uploads, read with more patience than that of identity calls.

A client that is told 400 sends the same batch again for ever, so 400 is for what is no JSON at all.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import orjson

from idsync.gateway.payload import BAD_REQUEST
from idsync.model.errors import InvalidRequestError
from idsync.model.events import MAX_EVENT_NAME_CHARS, BatchRefusedError

__all__ = ["MAX_BATCH_BYTES", "read_upload", "refused_with", "text_of", "time_of", "written"]

MAX_BATCH_BYTES: Final = 128 * 1024
"""Largest single batch (EV-010)."""

_INT64_MAX: Final = 2**63 - 1


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
        value: object = json.loads(text.decode(), parse_constant=_refuse_constant)
    except RecursionError:
        raise BatchRefusedError("the body is nested too deeply", cause="too_deep", body=text) from None
    except ValueError:
        raise InvalidRequestError("the body is not JSON", reason=BAD_REQUEST) from None
    return value


def written(value: object) -> bytes:
    """Write what was read, for a batch that came as one of many."""
    try:
        return orjson.dumps(value)
    except orjson.JSONEncodeError:
        # half surrogate pairs and integers beyond 64 bits
        return json.dumps(value, separators=(",", ":")).encode()


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


def time_of(value: object) -> int | None:
    """Give a time in UTC milliseconds; `None` for what cannot be one."""
    if type(value) is float and value.is_integer():
        value = int(value)
    return value if type(value) is int and 0 <= value <= _INT64_MAX else None


def _refuse_constant(name: str) -> None:
    raise ValueError(name)
