"""A set of digests in about seven bytes each: those that begin alike lie together, one after the other."""

from __future__ import annotations

from typing import Final

__all__ = ["HEAD_BYTES", "KEPT_BYTES", "DigestSet"]

HEAD_BYTES: Final = 2
"""Digests that share so many bytes lie together: of 100 million some kilobytes, which are searched."""
KEPT_BYTES: Final = 8
"""What is kept of a digest."""


class DigestSet:
    """Digests, told apart by their first 64 bits.

    Where a digest lies across two others it is taken for one that is there, too. That happens once in 2**40
    looks or less, and whoever asks bears with a false yes.

    A `set` of numbers would take eight times the memory, sorted numbers eight times the time.
    """

    __slots__ = ("_tails",)

    def __init__(self) -> None:
        self._tails: dict[bytes, bytes] = {}

    def __len__(self) -> int:
        return sum(map(len, self._tails.values())) // (KEPT_BYTES - HEAD_BYTES)

    def __contains__(self, digest: bytes, /) -> bool:
        tails = self._tails.get(digest[:HEAD_BYTES])
        return tails is not None and digest[HEAD_BYTES:KEPT_BYTES] in tails

    def add(self, digest: bytes) -> None:
        """Add a digest, unless it is there."""
        head, tail = digest[:HEAD_BYTES], digest[HEAD_BYTES:KEPT_BYTES]
        tails = self._tails.get(head)
        if tails is None:
            self._tails[head] = tail
        elif tail not in tails:
            self._tails[head] = tails + tail

    def put(self, head: bytes, tails: bytes) -> None:
        """Set all digests that begin alike, as none of them is there yet; one tail follows the other."""
        self._tails[head] = tails

    def update(self, digests: DigestSet) -> None:
        """Add every digest of another set."""
        for head, tails in digests._tails.items():
            for at in range(0, len(tails), KEPT_BYTES - HEAD_BYTES):
                self.add(head + tails[at : at + KEPT_BYTES - HEAD_BYTES])
