"""Why the graph is as it is, told from the journal alone."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import IntEnum
from itertools import pairwise
from typing import Final, NamedTuple

from idsync.model.identity import GraphKey, Identity, Mpid
from idsync.model.journal import ChangeKind, JournalEntry
from idsync.model.profile import Link
from idsync.model.request import ResolveRequest
from idsync.resolve.reasoner import Reasoner
from idsync.resolve.reasoning import Reasoning
from idsync.resolve.reasoning_sentences import reasoning_sentences
from idsync.resolve.sentences import entry_sentence, named
from idsync.store.protocol import Store

__all__ = ["ExplainedLink", "Explainer", "Explanation", "Verdict"]

_MAX_LINKS: Final = 200
"""Links of one identity, and profiles of one chain, that are looked at."""
_MAX_HOPS: Final = 6
"""Length of a chain between two identities, in profiles."""


class Verdict(IntEnum):
    """What was found; the numbers are those of the wire."""

    TOGETHER = 1
    CONNECTED = 2
    APART = 3
    RECORDED = 4
    NOT_RECORDED = 5
    FORMERLY = 6
    REASONED = 7


class ExplainedLink(NamedTuple):
    """One edge with its lifetime; `until_seq` is `None` while it holds."""

    identity: Identity
    mpid: Mpid
    since_seq: int
    until_seq: int | None


@dataclass(frozen=True, slots=True)
class Explanation:
    """The reason, for people (`sentences`) and for programs."""

    verdict: Verdict
    sentences: tuple[str, ...]
    links: tuple[ExplainedLink, ...] = ()
    entries: tuple[JournalEntry, ...] = ()
    reasoning: Reasoning | None = None


class Explainer:
    """Answers "why" from the journal of a store.

    Args:
        store: Where the graphs live.
        reasoner: Reasons about single calls.
    """

    def __init__(self, store: Store, reasoner: Reasoner) -> None:
        self._store = store
        self._reasoner = reasoner

    async def identity_on_profile(self, graph: GraphKey, identity: Identity, mpid: Mpid) -> Explanation:
        """Say which entry put an identity on a profile, who asked, and by which rule."""
        oldest = await self._store.links_of(graph, identity, _MAX_LINKS)
        links = [link for link in oldest if link.mpid == mpid]
        links += await self._beyond(graph, identity, oldest, [mpid])
        if not links:
            said = f"The {named(identity)} was never on profile {mpid}."
            if len(oldest) == _MAX_LINKS:
                said = (
                    f"The {named(identity)} is not on profile {mpid}, and by the oldest {_MAX_LINKS} of its "
                    "many links it never was."
                )
            return Explanation(Verdict.APART, (said,))
        verdict = Verdict.TOGETHER if links[-1].until_seq is None else Verdict.FORMERLY
        return await self._told(graph, verdict, [_explained(identity, link) for link in links])

    async def identities(self, graph: GraphKey, first: Identity, second: Identity) -> Explanation:
        """Say why two identities are on one profile, or by which chain they are connected."""
        ours = await self._store.links_of(graph, first, _MAX_LINKS)
        theirs = await self._store.links_of(graph, second, _MAX_LINKS)
        ours += await self._beyond(graph, first, ours, (link.mpid for link in theirs))
        theirs += await self._beyond(graph, second, theirs, (link.mpid for link in ours))
        for verdict, holds in ((Verdict.TOGETHER, _is_open), (Verdict.FORMERLY, _ever)):
            shared = _shared(ours, theirs, holds)
            if shared:
                links = [
                    _explained(identity, link)
                    for identity, all_links in ((first, ours), (second, theirs))
                    for link in all_links
                    if link.mpid == shared[0] and holds(link)
                ]
                return await self._told(graph, verdict, links)
        chain = await self._chain(graph, first, second)
        if not chain:
            said = f"The {named(first)} and the {named(second)} are on no common profile, nor connected."
            return Explanation(Verdict.APART, (said,))
        return await self._told(graph, Verdict.CONNECTED, chain)

    async def request(self, graph: GraphKey, request_id: str) -> Explanation:
        """Say what was seen and decided for a request that changed something."""
        entries = await self._store.entries_of_request(graph, request_id, _MAX_LINKS)
        if not entries:
            return Explanation(
                Verdict.NOT_RECORDED, ("The request changed nothing, or is not known in this graph.",)
            )
        sentences = [sentence for entry in entries for sentence in entry_sentence(entry)]
        reasoning = await self._reasoner.then(entries[-1])
        if reasoning is not None:
            sentences.append("By what was known just before, and by the settings of today:")
            sentences.extend(reasoning_sentences(reasoning))
        return Explanation(Verdict.RECORDED, tuple(sentences), (), tuple(entries), reasoning)

    async def call(self, request: ResolveRequest) -> Explanation:
        """Say why a call would have its answer now; nothing is written."""
        reasoning = await self._reasoner.now(request)
        return Explanation(Verdict.REASONED, tuple(reasoning_sentences(reasoning)), reasoning=reasoning)

    async def _beyond(
        self, graph: GraphKey, identity: Identity, oldest: list[Link], mpids: Iterable[Mpid]
    ) -> list[Link]:
        """Find the links that hold between a popular value and some profiles but are not its oldest."""
        if len(oldest) < _MAX_LINKS:
            return []
        unseen = set(mpids) - {link.mpid for link in oldest if link.until_seq is None}
        profiles = await self._store.profiles(graph, unseen)
        return [
            Link(mpid, recorded.since_seq, None)
            for mpid, profile in profiles.items()
            for recorded in profile.identities
            if recorded.identity == identity
        ]

    async def _told(self, graph: GraphKey, verdict: Verdict, links: list[ExplainedLink]) -> Explanation:
        seqs = {seq for link in links for seq in (link.since_seq, link.until_seq) if seq is not None}
        entries = await self._store.entries_at(graph, seqs)
        sentences = []
        for link in links:
            entry = entries[link.since_seq]
            sentences.append(
                f"The {named(link.identity)} came onto profile {link.mpid} by {_said(entry)}{_before(entry)}."
            )
            if link.until_seq is not None:
                sentences.append(f"It left again by {_said(entries[link.until_seq])}.")
        ordered = tuple(entries[seq] for seq in sorted(entries))
        return Explanation(verdict, tuple(sentences), tuple(links), ordered)

    async def _chain(self, graph: GraphKey, first: Identity, second: Identity) -> list[ExplainedLink]:
        """Find the shortest chain of current links between two identities, within bounds."""
        import networkx as nx  # noqa: PLC0415 - half a second at start, for what is seldom asked

        network = nx.Graph()
        frontier: set[Identity] = {first}
        seen: set[Mpid] = set()
        for _ in range(_MAX_HOPS):
            reached: set[Mpid] = set()
            for identity in frontier:
                for link in await self._store.links_of(graph, identity, _MAX_LINKS):
                    if link.until_seq is None and len(seen) + len(reached) < _MAX_LINKS:
                        reached.add(link.mpid)
            new = reached - seen
            seen |= new
            frontier = set()
            for mpid, profile in (await self._store.profiles(graph, new)).items():
                for recorded in profile.identities:
                    network.add_edge(recorded.identity, mpid, since_seq=recorded.since_seq)
                    frontier.add(recorded.identity)
            if second in network or not new:
                break
        if second not in network or first not in network:
            return []
        path = nx.shortest_path(network, first, second)
        return [
            ExplainedLink(one, other, network[one][other]["since_seq"], None)
            if isinstance(one, Identity)
            else ExplainedLink(other, one, network[one][other]["since_seq"], None)
            for one, other in pairwise(path)
        ]


def _explained(identity: Identity, link: Link) -> ExplainedLink:
    return ExplainedLink(identity, link.mpid, link.since_seq, link.until_seq)


def _is_open(link: Link) -> bool:
    return link.until_seq is None


def _ever(_link: Link) -> bool:
    return True


def _shared(ours: Iterable[Link], theirs: Iterable[Link], holds: Callable[[Link], bool]) -> list[Mpid]:
    """Name the profiles that both lists lead to, the newest first."""
    both = {link.mpid for link in ours if holds(link)} & {link.mpid for link in theirs if holds(link)}
    return sorted(both, reverse=True)


def _said(entry: JournalEntry) -> str:
    at = datetime.fromtimestamp(entry.at_ms / 1_000, UTC).isoformat(timespec="milliseconds")
    by = f" of input {entry.input_id}" if entry.input_id else ""
    return f"{entry.cause}{by} at {at} (rule {entry.rule}, journal entry {entry.seq})"


def _before(entry: JournalEntry) -> str:
    if any(change.kind is ChangeKind.PROFILE_CREATED for change in entry.changes):
        return ", which created the profile"
    if entry.evidence.decided_by is not None:
        return f": the call was led there by its {named(entry.evidence.decided_by)}"
    return ""
