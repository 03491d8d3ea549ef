"""All that the memory store keeps of some profiles, gathered from everything it holds."""

from __future__ import annotations

from collections.abc import Collection

from idsync.model.erasure import HeldValue, PastLink, Traces
from idsync.model.identity import Mpid
from idsync.store.codec import alias_record
from idsync.store.memory_graph import MemoryGraph, concerns, sealed_row
from idsync.store.rows import AliasRow

__all__ = ["traces_of"]


def traces_of(graph: MemoryGraph, mpids: Collection[Mpid]) -> Traces:
    """Collect links, values, alias requests and entries of profiles."""
    chosen = {mpid for mpid in mpids if mpid in graph.profiles}
    links = [link for link in graph.links if link.mpid in chosen]
    aliases = [a for a in graph.aliases.values() if chosen & {a.terms.source, a.terms.destination}]
    owners: dict[int, Mpid] = {}
    for link in links:
        owners.setdefault(link.identity_id, link.mpid)
    for alias in aliases:
        if alias.terms.stamp_id is not None:
            owner = alias.terms.source if alias.terms.source in chosen else alias.terms.destination
            owners.setdefault(alias.terms.stamp_id, owner)
    entries = [e for e in graph.journal if any(concerns(e, mpid) for mpid in chosen)]
    return Traces(
        {m: graph.profiles[m].version for m in sorted(chosen) if not graph.profiles[m].erased},
        tuple(
            PastLink(
                link.mpid,
                graph.value_of(link.identity_id),
                link.descriptive,
                link.since_seq,
                graph.journal[link.since_seq - 1].at_ms,
                link.until_seq,
                None if link.until_seq is None else graph.journal[link.until_seq - 1].at_ms,
            )
            for link in sorted(links, key=lambda link: (link.since_seq, link.position, link.mpid))
        ),
        tuple(
            HeldValue(
                graph.value_of(i),
                owner,
                graph.identities[i].version,
                sum(x.identity_id == i and x.until_seq is None and x.mpid not in chosen for x in graph.links),
                any(a.terms.stamp_id == i and _lives(graph, a, chosen) for a in graph.aliases.values()),
            )
            for i, owner in sorted(owners.items())
            if graph.identities[i].value is not None
        ),
        tuple(alias_record(alias, graph.value_of) for alias in aliases),
        len(entries),
        sum(sealed_row(entry).has_text for entry in entries),
    )


def _lives(graph: MemoryGraph, alias: AliasRow, chosen: Collection[Mpid]) -> bool:
    """Say whether an alias request is between profiles that outlive the chosen ones."""
    return not any(
        mpid in chosen or graph.profiles[mpid].erased
        for mpid in (alias.terms.source, alias.terms.destination)
    )
