"""The hash chain over a journal: each link covers the entry and the link before it.

An entry is covered as it is kept, that is without identity values: these are in the dictionary, which entries
refer to by id, so that a value can be erased and the chain stays whole. The texts that a caller chose may
have to go as well. They are covered by a commitment: a digest over them and some random bytes, of which
nobody learns the texts once the bytes have gone with them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Final, NamedTuple

import orjson

from idsync.model.identity import GraphKey

__all__ = [
    "MAX_FAULTS",
    "SALT_BYTES",
    "ChainFault",
    "ChainLook",
    "ChainReport",
    "Seal",
    "SealedRow",
    "commitment",
    "first_link",
    "sealed",
]

SALT_BYTES: Final = 16
MAX_FAULTS: Final = 20
"""So many broken places are named; a broken chain has one, or all."""
_NO_TEXT: Final = bytes(32)
_COMMITMENT_BYTES: Final = 32


class SealedRow(NamedTuple):
    """A journal entry as it is kept, texts as their callers gave them."""

    seq: int
    at_ms: int
    cause: str
    rule: str
    request_id: str
    input_id: str
    mpid: int
    idempotency_key: str | None
    body: bytes

    @property
    def has_text(self) -> bool:
        """Whether it carries a text that a caller chose."""
        return bool(self.request_id) or self.idempotency_key is not None


class Seal(NamedTuple):
    """A link of the chain.

    Attributes:
        link: 32 bytes.
        said: What commits to the caller's texts: random bytes while they are there, then the commitment
            itself; `None`: there never were any.
    """

    seq: int
    link: bytes
    said: bytes | None


def first_link(graph: GraphKey) -> bytes:
    """Give what stands before the first link of a graph."""
    return sha256(orjson.dumps(["idsync journal", graph.scope, int(graph.environment)])).digest()


def commitment(salt: bytes, row: SealedRow) -> bytes:
    """Commit to the texts of an entry."""
    return sha256(salt + orjson.dumps([row.request_id, row.idempotency_key])).digest()


def sealed(previous: bytes, row: SealedRow, said: bytes | None) -> Seal:
    """Give the next link.

    Args:
        previous: The link before it.
        row: The entry.
        said: As in `Seal`.
    """
    seq, at_ms, cause, rule, _, input_id, mpid, _, body = row
    if said is None:
        text = _NO_TEXT
    elif len(said) == _COMMITMENT_BYTES:
        text = said
    else:
        text = commitment(said, row)
    head = orjson.dumps((seq, at_ms, cause, rule, input_id, mpid))
    return Seal(seq, sha256(b"%b%b%b\n%b" % (previous, text, head, body)).digest(), said)


class ChainFault(NamedTuple):
    """A place where a chain is broken, and what it looks like there."""

    seq: int
    text: str


@dataclass(slots=True)
class ChainReport:
    """What became of the look at a chain.

    Attributes:
        sealed: The last position that has a link.
        waiting: How many entries after it have none yet.
        faults: What is broken, by position; at most `MAX_FAULTS`.
    """

    graph: GraphKey
    sealed: int = 0
    waiting: int = 0
    faults: list[ChainFault] = field(default_factory=list)


class ChainLook:
    """Compares a journal with its chain, range by range of positions.

    Args:
        graph: Whose.
    """

    def __init__(self, graph: GraphKey) -> None:
        self.report = ChainReport(graph)
        self._previous = first_link(graph)
        self._expected = 1

    def on(self, rows: Sequence[SealedRow], seals: Sequence[Seal]) -> None:
        """Go on.

        Args:
            rows: The entries of the next range, in order.
            seals: The links of the same range, in order.
        """
        by_seq = {row.seq: row for row in rows}
        links = {seal.seq: seal for seal in seals}
        for seq in sorted(by_seq.keys() | links.keys()):
            while self._expected < seq:
                self._fault(self._expected, f"entry {self._expected} is missing")
                self._expected += 1
                if len(self.report.faults) == MAX_FAULTS:
                    return
            self._expected = seq + 1
            self._compare(seq, by_seq.get(seq), links.get(seq))

    def end(self, up_to: int | None = None) -> ChainReport:
        """Say what was found.

        Args:
            up_to: A position that must be sealed; `None`: entries at the end may be waiting.
        """
        if up_to is not None and self.report.sealed < up_to:
            self._fault(up_to, f"the chain ends at entry {self.report.sealed}, before entry {up_to}")
        return self.report

    def _compare(self, seq: int, row: SealedRow | None, seal: Seal | None) -> None:
        if seal is None:
            self.report.waiting += 1
            return
        if self.report.waiting:
            first = seq - self.report.waiting
            self._fault(first, f"entry {first} was inserted, or its link was removed")
            self.report.waiting = 0
        if row is None:
            self._fault(seq, f"entry {seq} is missing")
        elif seal.said is not None and len(seal.said) == _COMMITMENT_BYTES and row.has_text:
            self._fault(seq, f"entry {seq} was changed: it carries a text that was erased")
        elif seal.said is None and row.has_text:
            self._fault(seq, f"entry {seq} was changed: it carries a text that it did not have")
        elif not _covers(self._previous, row, seal):
            self._fault(seq, f"entry {seq} was changed, or its link was")
        self.report.sealed, self._previous = seq, seal.link

    def _fault(self, seq: int, text: str) -> None:
        if len(self.report.faults) < MAX_FAULTS:
            self.report.faults.append(ChainFault(seq, text))


def _covers(previous: bytes, row: SealedRow, seal: Seal) -> bool:
    try:
        return sealed(previous, row, seal.said).link == seal.link
    except TypeError:
        # SQLite keeps what is put into a column, of whatever type
        return False
