"""What an erasure reaches, and what belongs to one person, to the wire."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import replace

from idsync.model.erasure import PastLink, Traces
from idsync.model.identity import GraphKey, Identity, IdentityType, Mpid, type_set
from idsync.model.journal import ALIAS_KINDS, Change, JournalEntry
from idsync.model.policy import Policy
from idsync.model.profile import Profile
from idsync.server.wire.convert import identity_to_wire
from idsync.server.wire.convert_graph import entry_to_wire
from idsync.v1 import graph_service_pb2 as graph_pb
from idsync.v1 import privacy_service_pb2 as pb

__all__ = ["exported_entry", "exported_links", "scope_to_wire"]


def scope_to_wire(
    graph: GraphKey,
    profiles: Sequence[Profile],
    traces: Traces,
    former: Iterable[Mpid],
    not_reached: Iterable[str],
    policy: Policy,
) -> pb.ErasureScope:
    """Build the account of what an erasure reaches."""
    scope = pb.ErasureScope(
        scope=graph.scope,
        environment=graph.environment,  # type: ignore[arg-type]  # the numbers are the wire's
        removed=_counts(value.identity for value in traces.values if not value.stays),
        alias_requests=len(traces.aliases),
        journal_entries=traces.entries,
        caller_texts=traces.texts,
        former_holder_mpids=former,
        not_reached=not_reached,
    )
    for profile in profiles:
        message = scope.profiles.add(mpid=profile.mpid)
        message.is_known = policy.is_known(type_set(r.identity.type for r in profile.identities))
        message.create_time.FromMilliseconds(profile.created_ms)
        own = {link.identity for link in traces.links if link.mpid == profile.mpid and link.identity.value}
        message.identities.extend(_counts(own))
    for value in traces.values:
        if value.stays:
            identity_to_wire(scope.kept.add(other_holders=value.others).identity, value.identity)
    return scope


def _counts(identities: Iterable[Identity]) -> list[pb.TypeCount]:
    counts = Counter(identity.type for identity in identities)
    return [pb.TypeCount(type=kind, count=counts[kind]) for kind in sorted(counts)]  # type: ignore[arg-type]


def exported_links(add: Callable[[], pb.ExportedIdentity], links: Iterable[PastLink]) -> None:
    """Tell which values a profile has and had."""
    for link in links:
        message = add()
        identity_to_wire(message.identity, link.identity)
        message.descriptive = link.descriptive
        message.since_time.FromMilliseconds(link.since_ms)
        message.since_seq = link.since_seq
        if link.until_seq is not None and link.until_ms is not None:
            message.until_time.FromMilliseconds(link.until_ms)
            message.until_seq = link.until_seq


def exported_entry(
    message: graph_pb.JournalEntry, entry: JournalEntry, mpid: Mpid, own: Collection[Identity]
) -> None:
    """Tell what an entry says of a profile: no changes of others, and no values that are not its own."""

    def shown(identity: Identity) -> Identity:
        return identity if identity in own else Identity(IdentityType(identity.type), "")

    def change_shown(change: Change) -> Change:
        return change if change.identity is None else change._replace(identity=shown(change.identity))

    changes = tuple(
        change_shown(change)
        for change in entry.changes
        if change.mpid == mpid or (change.kind in ALIAS_KINDS and change.other == mpid)
    )
    evidence = entry.evidence
    evidence = evidence._replace(
        asked=tuple(map(shown, evidence.asked)),
        matched=tuple(map(shown, evidence.matched)),
        decided_by=None if evidence.decided_by is None else shown(evidence.decided_by),
    )
    entry_to_wire(message, replace(entry, changes=changes, evidence=evidence))
