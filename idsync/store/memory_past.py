"""The past of one graph of the memory store, gathered from everything it holds."""

from __future__ import annotations

from dataclasses import replace

from idsync.model.aliasing import AliasState
from idsync.model.identity import Mpid
from idsync.model.journal import ChangeKind
from idsync.model.moment import Moment
from idsync.model.profile import Profile, RecordedIdentity
from idsync.store.codec import alias_record
from idsync.store.memory_graph import MemoryGraph
from idsync.store.rows import AliasRow, LinkRow

__all__ = ["holders_at", "moved_to", "profile_at"]


def profile_at(graph: MemoryGraph, profile: Profile, moment: Moment) -> Profile:
    """Show a profile as it was; `profile` is what it is now."""
    mpid = profile.mpid
    returns = [
        (entry.seq, entry.at_ms)
        for entry in graph.journal
        if _counts(graph, entry.seq, moment)
        and any(change.kind is ChangeKind.RETURNED and change.mpid == mpid for change in entry.changes)
    ]
    recency, returned_ms = returns[-1] if returns else (profile.created_seq, None)
    return replace(
        profile,
        identities=() if profile.erased else _recorded(graph, mpid, moment, descriptive=False),
        descriptions=() if profile.erased else _recorded(graph, mpid, moment, descriptive=True),
        returned_ms=returned_ms,
        recency=recency,
        aliases=tuple(
            alias_record(_alias(graph, row, moment), graph.value_of)
            for row in graph.aliases.values()
            if mpid in {row.terms.source, row.terms.destination} and _counts(graph, row.seq, moment)
        ),
        moved_to=moved_to(graph, mpid, moment),
    )


def moved_to(graph: MemoryGraph, mpid: Mpid, moment: Moment | None) -> tuple[Mpid, ...]:
    """Name the profiles that got what was taken off one in the same entry; `moment` is `None` for now."""

    def held(link: LinkRow) -> bool:
        return link.until_seq is None if moment is None else _held(graph, link, moment)

    if graph.profiles[mpid].erased:
        return ()
    links = [link for link in graph.links if not link.descriptive]
    mine = {link.identity_id for link in links if link.mpid == mpid and held(link)}
    gone = {
        (link.identity_id, link.until_seq)
        for link in links
        if link.mpid == mpid and link.identity_id not in mine and link.until_seq is not None
        if moment is None or _counts(graph, link.until_seq, moment)
    }
    found = {link.mpid for link in links if link.mpid != mpid and (link.identity_id, link.since_seq) in gone}
    return tuple(sorted(found))


def holders_at(graph: MemoryGraph, identity_id: int | None, moment: Moment) -> set[Mpid]:
    """Collect who had an identity on the record, but for those erased since."""
    return {
        link.mpid
        for link in graph.links
        if link.identity_id == identity_id and not link.descriptive and _held(graph, link, moment)
        if not graph.profiles[link.mpid].erased
    }


def _counts(graph: MemoryGraph, seq: int, moment: Moment) -> bool:
    return moment.covers(seq, graph.journal[seq - 1].at_ms)


def _held(graph: MemoryGraph, link: LinkRow, moment: Moment) -> bool:
    ended = link.until_seq is not None and _counts(graph, link.until_seq, moment)
    return _counts(graph, link.since_seq, moment) and not ended


def _recorded(
    graph: MemoryGraph, mpid: Mpid, moment: Moment, *, descriptive: bool
) -> tuple[RecordedIdentity, ...]:
    since: dict[int, int] = {}
    for link in graph.links:
        if link.mpid == mpid and link.descriptive is descriptive and _held(graph, link, moment):
            # after a clock was set back, a value may be taken off later than it was given again
            since.setdefault(link.identity_id, link.since_seq)
    return tuple(
        RecordedIdentity(graph.value_of(identity_id), seq, entry.at_ms, entry.rule)
        for identity_id, seq in since.items()
        for entry in [graph.journal[seq - 1]]
    )


def _alias(graph: MemoryGraph, row: AliasRow, moment: Moment) -> AliasRow:
    if row.settled_seq is not None and _counts(graph, row.settled_seq, moment):
        return row
    return AliasRow(row.seq, row.terms, AliasState.PENDING, row.arrived_ms)
