"""Pages of a history on their way from the process that reads it to the one that replays it."""

from __future__ import annotations

import marshal
from collections.abc import Iterator
from sys import intern
from typing import Any, BinaryIO, Final

from idsync.model.errors import IdsyncError
from idsync.model.recording import HistoryCall, HistoryEntry, HistoryPage

__all__ = ["END", "fault_bytes", "page_bytes", "read_pages"]

_LENGTH: Final = 8


def _framed(what: Any) -> bytes:
    # both ends are one installation of one Python, and nobody else writes into the pipe
    told = marshal.dumps(what)
    return len(told).to_bytes(_LENGTH, "little") + told


END: Final = _framed(None)
"""Comes after the last page: a history that breaks off is no shorter history."""


def page_bytes(page: HistoryPage) -> bytes:
    """Write a page."""
    # a word that comes often is written once
    entries = [
        (seq, intern(cause), intern(rule), mpid, body) for seq, cause, rule, mpid, body in page.entries
    ]
    calls = [
        (after_seq, seq, intern(operation), mpid, named, intern(rule), times, body)
        for after_seq, seq, operation, mpid, named, rule, times, body in page.calls
    ]
    return _framed((page.identities, entries, calls, page.until_seq))


def fault_bytes(message: str) -> bytes:
    """Write, instead of a page, why there are no more."""
    return _framed(message)


def read_pages(given: BinaryIO) -> Iterator[HistoryPage]:
    """Read pages until the end.

    Raises:
        IdsyncError: They end early, or whoever reads the history could not go on.
    """
    while True:
        length = int.from_bytes(given.read(_LENGTH), "little")
        told = given.read(length)
        if not length or len(told) != length:
            raise IdsyncError("the process that reads the history ended with an error")
        what = marshal.loads(told)  # noqa: S302 - of this program's own
        del told
        if what is None:
            return
        if isinstance(what, str):
            raise IdsyncError(what)
        identities, entries, calls, until_seq = what
        yield HistoryPage(
            identities, list(map(HistoryEntry._make, entries)), list(map(HistoryCall._make, calls)), until_seq
        )
