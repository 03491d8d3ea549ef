"""Rows that were read become nodes, except where there are some already: these may be newer."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from idsync.model.identity import Mpid, TypeSet
from idsync.store.embedded.loader import IdentityRead, profile_node
from idsync.store.embedded.nodes import IdentityNode, ProfileNode
from idsync.store.embedded.ranking import Solo, ranked
from idsync.store.embedded.second_chance import SecondChance

__all__ = ["adopted", "rank_alone"]

_FEW: Final = 8
"""So many holders become resident with their identity; of more only those that are asked for."""


def adopted(
    rows: Iterable[IdentityRead],
    identities: SecondChance[IdentityNode],
    profiles: SecondChance[ProfileNode],
    login_set: TypeSet,
) -> list[IdentityNode]:
    """Add identities and their holders to what is resident; gives the identities that are new there.

    Args:
        rows: As the loader reads them.
        identities: Those that are resident, by id.
        profiles: Those that are resident, by MPID.
        login_set: The login types, which part known from anonymous holders (ID-008).
    """
    several: dict[int, list[IdentityRead]] = {}
    firsts: dict[int, IdentityRead] = {}
    alone: dict[Mpid, list[IdentityNode]] = {}
    for row in rows:
        identity_id = row[0]
        if identity_id in firsts:
            several.setdefault(identity_id, [firsts[identity_id]]).append(row)
        elif identity_id not in identities.nodes:
            firsts[identity_id] = row
    nodes = []
    for identity_id, row in firsts.items():
        _, identity_type, value, version, is_descriptive, mpid = row[:6]
        text = None if value is None else value.decode()
        node = IdentityNode(identity_id, identity_type, text, version, is_member=True)
        if identity_id in several:
            _rank(node, several[identity_id], profiles, login_set)
        elif is_descriptive:
            node.described = frozenset((mpid,))
        elif mpid is not None:
            if mpid not in profiles.nodes:
                profiles.put(mpid, profile_node(mpid, *row[6:]))
            alone.setdefault(mpid, []).append(node)
        identities.put(identity_id, node)
        nodes.append(node)
    for mpid, values in alone.items():
        rank_alone(profiles.nodes[mpid], values, login_set)
    return nodes


def rank_alone(profile: ProfileNode, values: Sequence[IdentityNode], login_set: TypeSet) -> None:
    """Set the one holder of identities that became resident together."""
    holder = Solo(profile.mpid)
    if profile.types & login_set:
        for node in values:
            node.known = holder
    else:
        for node in values:
            node.anonymous = holder
    if profile.overtaken is None and profile.size == len(values):
        # these are all its values, and nobody shares any
        profile.overtaken = False


def _rank(
    node: IdentityNode, links: Sequence[IdentityRead], profiles: SecondChance[ProfileNode], login_set: TypeSet
) -> None:
    """Set the holders of an identity that several links lead to."""
    holders: list[tuple[int, Mpid, bool]] = []
    described: set[Mpid] = set()
    for link in links:
        is_descriptive, mpid = link[4:6]
        if is_descriptive:
            described.add(mpid)
            continue
        profile = profiles.nodes.get(mpid)
        if profile is None and len(links) <= _FEW:
            profile = profile_node(mpid, *link[6:])
            profiles.put(mpid, profile)
        recency, types = (link[9], link[13]) if profile is None else (profile.recency, profile.types)
        holders.append((recency, mpid, bool(types & login_set)))
    holders.sort()
    node.described = frozenset(described)
    node.known = ranked([mpid for _, mpid, is_known in holders if is_known])
    node.anonymous = ranked([mpid for _, mpid, is_known in holders if not is_known])
