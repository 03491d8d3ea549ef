"""Births in memory: nobody has asked for them since, so they are kept as they are, and not as nodes.

Most people who are new are not seen again soon. The few figures of a birth take a fraction of the time, and
of the memory, of a profile with its identities and links.
"""

from __future__ import annotations

from collections import OrderedDict
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
        is_resident: It is still what this graph knows of the profile; never again once it was not.
    """

    birth: Birth
    group: int
    is_resident: bool = True

    @property
    def mpid(self) -> Mpid:
        """The profile's name."""
        return self.birth.mpid


class Newborns:
    """The births of one graph that are resident.

    Attributes:
        by_mpid: The oldest first; whoever adds or takes one uses `put` and `take`.
    """

    __slots__ = ("_identities", "by_mpid")

    def __init__(self) -> None:
        # in a plain dictionary every look for the oldest walks past all that were taken before it
        self.by_mpid: OrderedDict[Mpid, Newborn] = OrderedDict()
        self._identities = 0

    def __len__(self) -> int:
        """Give the room they take, in identities; one without any takes as much as one with one."""
        return max(self._identities, len(self.by_mpid))

    def put(self, newborn: Newborn) -> None:
        """Add one."""
        self.by_mpid[newborn.birth.mpid] = newborn
        self._identities += len(newborn.birth.types)

    def take(self, newborn: Newborn) -> None:
        """Take one out."""
        newborn.is_resident = False
        del self.by_mpid[newborn.birth.mpid]
        self._identities -= len(newborn.birth.types)

    def bearing(self, identity_id: int) -> Newborn:
        """Give the birth that brought an identity; asked by what names values alone, which is seldom."""
        return next(each for each in self.by_mpid.values() if identity_id in each.birth.ids)

    def evict(self, keep: int, tables_contain: int) -> list[Newborn]:
        """Take out the oldest until they take no more room than `keep`, as far as the tables contain them."""
        evicted: list[Newborn] = []
        while len(self) > keep:
            oldest = next(iter(self.by_mpid.values()))
            if oldest.group > tables_contain:
                break
            self.take(oldest)
            evicted.append(oldest)
        return evicted


def grown_up(newborn: Newborn) -> tuple[ProfileNode, list[IdentityNode]]:
    """Make nodes of a birth; who holds the identities is left to say."""
    birth, group = newborn.birth, newborn.group
    mpid, seq = birth.mpid, birth.seq
    identity_id = birth.first_id
    links: list[LinkRow] = []
    identities: list[IdentityNode] = []
    for position, identity_type in enumerate(birth.types, 1):
        node = IdentityNode(identity_id, identity_type, birth.values[position - 1], seq)
        node.group = group
        identities.append(node)
        links.append(LinkRow(identity_id, mpid, seq, position))
        identity_id += 1
    profile = ProfileNode(*birth.profile())
    profile.links = links
    # nobody shares a value with one that has just been born
    profile.overtaken = False
    profile.group = group
    return profile, identities
