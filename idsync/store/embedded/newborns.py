"""Births in memory: nobody has asked for them since, so they are kept as they are, and not as nodes.

Most people who are new are not seen again soon. The few figures of a birth take a fraction of the time, and
of the memory, of a profile with its identities and links.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from idsync.model.identity import Mpid
from idsync.store.birth import Birth
from idsync.store.embedded.nodes import IdentityNode, ProfileNode
from idsync.store.rows import LinkRow

__all__ = ["Newborn", "Newborns", "grown_up"]


@dataclass(slots=True, eq=False)
class Newborn:
    """A birth that is resident.

    Attributes:
        group: Number of the group that brings it to disk.
    """

    birth: Birth
    group: int


class Newborns:
    """The births of one graph that are resident.

    Attributes:
        by_mpid: For looking; whoever adds or takes one uses `put` and `take`.
        identities: How many identities they have together.
    """

    __slots__ = ("_queue", "by_mpid", "identities")

    def __init__(self) -> None:
        self.by_mpid: dict[Mpid, Newborn] = {}
        self.identities = 0
        self._queue: deque[Newborn] = deque()

    def put(self, newborn: Newborn) -> None:
        """Add one."""
        self.by_mpid[newborn.birth.mpid] = newborn
        self.identities += len(newborn.birth.types)
        self._queue.append(newborn)

    def take(self, newborn: Newborn) -> None:
        """Take one out."""
        del self.by_mpid[newborn.birth.mpid]
        self.identities -= len(newborn.birth.types)

    def evict(self, keep: int, tables_contain: int) -> list[Newborn]:
        """Take out the oldest until `keep` identities are left, as far as the tables contain them."""
        evicted = []
        queue = self._queue
        while queue and queue[0].group <= tables_contain:
            oldest = queue[0]
            if self.by_mpid.get(oldest.birth.mpid) is oldest:
                if self.identities <= keep:
                    break
                self.take(oldest)
                evicted.append(oldest)
            queue.popleft()
        return evicted


def grown_up(newborn: Newborn) -> tuple[ProfileNode, list[IdentityNode]]:
    """Make nodes of a birth; who holds the identities is left to say."""
    birth, group = newborn.birth, newborn.group
    mpid, seq = birth.mpid, birth.seq
    links = [LinkRow(identity_id, mpid, seq, position) for position, identity_id in enumerate(birth.ids, 1)]
    # nobody shares a value with one that has just been born
    profile = ProfileNode(*birth.profile(), links=links, overtaken=False, group=group)
    identities = [
        IdentityNode(identity_id, identity_type, value, seq, group=group)
        for identity_id, identity_type, value in zip(birth.ids, birth.types, birth.values, strict=True)
    ]
    return profile, identities
