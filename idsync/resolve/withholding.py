"""What a must-not-link keeps off the profile that a call was decided to mean: the decision is not touched."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from idsync.model.changes import ChangeSet
from idsync.model.identity import Identity
from idsync.model.journal import NEW
from idsync.model.must_not import forbidding
from idsync.model.notice import Notice, NoticeReason
from idsync.model.policy import Policy
from idsync.model.request import ResolveRequest
from idsync.model.view import GraphView, ProfileView

__all__ = ["note_withheld", "withheld", "without"]

_FORBIDDEN: Final = NoticeReason.FORBIDDEN


def withheld(
    request: ResolveRequest, view: GraphView, policy: Policy, profile: ProfileView | None
) -> dict[Identity, int]:
    """Find what may not be put on a profile, each with the entry that forbade it.

    Of two identities of a request that may not be together the higher-ranked one stays. What is not added for
    another reason (ID-072, ID-073) keeps nothing off; of two reasons this one is told, as it names an entry.

    Args:
        request: What is asked.
        view: What the graph shows.
        policy: The scope's settings.
        profile: Who was found; `None`: a new profile is made.
    """
    named = {i: links for i in request.identities.values() if (links := view.must_nots(i))}
    if not named:
        return {}
    mpid, types = (NEW, 0) if profile is None else (profile.mpid, profile.types)
    record = set() if profile is None else set(profile.record())
    out: dict[Identity, int] = {}
    for t in policy.priority:
        identity = request.identities.get(t)
        if identity is None or identity in record:
            continue
        seq = forbidding(named.get(identity, ()), identity, mpid, record)
        if seq:
            out[identity] = seq
        elif not policy.immutable_set & types & (1 << t) and not (
            policy.unique_set >> t & 1 and _is_held(view, identity)
        ):
            record.add(identity)
    return out


def _is_held(view: GraphView, identity: Identity) -> bool:
    holders = view.holders(identity)
    return holders is not None and bool(len(holders.known) or len(holders.anonymous))


def without(request: ResolveRequest, out: dict[Identity, int]) -> ResolveRequest:
    """Leave out what is withheld, and say so."""
    left = {t: identity for t, identity in request.identities.items() if identity not in out}
    notices = tuple(Notice(identity.type, _FORBIDDEN, seq) for identity, seq in out.items())
    return replace(request, identities=left, notices=(*request.notices, *notices))


def note_withheld(change_set: ChangeSet, view: GraphView, out: dict[Identity, int]) -> None:
    """Let a write rest on what was withheld, and its entry name it among what was asked."""
    versions = dict(change_set.identities)
    for identity in out:
        holders = view.holders(identity)
        versions[identity] = 0 if holders is None else holders.version
    change_set.identities = versions
    if change_set.changes:
        evidence = change_set.evidence
        change_set.evidence = evidence._replace(asked=(*evidence.asked, *out))
