"""What is known of profiles that somebody wants to be forgotten, or to be shown all of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from idsync.model.aliasing import AliasRecord
from idsync.model.identity import Identity, Mpid

__all__ = ["HeldValue", "PastLink", "Traces"]


class PastLink(NamedTuple):
    """When a profile had a value; times in UTC milliseconds.

    Attributes:
        identity: The value; empty if it was erased since.
        descriptive: Not on the record (ID-026).
        until_seq: Position of the entry that took it away; `None` while it has it.
    """

    mpid: Mpid
    identity: Identity
    descriptive: bool
    since_seq: int
    since_ms: int
    until_seq: int | None
    until_ms: int | None


class HeldValue(NamedTuple):
    """A value that profiles have or had, or that an alias request of theirs names.

    Attributes:
        version: Position of the last entry that changed who holds it.
        others: How many other profiles hold it, descriptive holders included.
        is_needed: An alias request between other living profiles names it.
    """

    identity: Identity
    mpid: Mpid
    version: int
    others: int
    is_needed: bool

    @property
    def stays(self) -> bool:
        """Whether it outlives these profiles."""
        return self.others > 0 or self.is_needed


@dataclass(frozen=True, slots=True)
class Traces:
    """All that a store keeps of some profiles of one graph.

    Attributes:
        versions: The living ones among them, with the position of the last entry that changed each.
        links: Every value that each has or had, oldest first.
        values: The values that are not erased yet, each once.
        aliases: Requests from or to them, in order of arrival.
        entries: How many journal entries are about them.
        texts: How many of these carry a text that a caller chose: a request id, an idempotency key.
    """

    versions: Mapping[Mpid, int]
    links: tuple[PastLink, ...]
    values: tuple[HeldValue, ...]
    aliases: tuple[AliasRecord, ...]
    entries: int
    texts: int
