"""What holds of a call before a strategy decides it, and what its answer rests on besides the graph."""

from __future__ import annotations

from typing import Final

from idsync.model.changes import ChangeSet
from idsync.model.decision import Match
from idsync.model.errors import IdsyncError
from idsync.model.notice import Notice, NoticeReason
from idsync.model.policy import Policy
from idsync.model.request import ModifyRequest, Operation, ResolveRequest
from idsync.model.view import GraphView
from idsync.resolve.guards import without_blocked
from idsync.resolve.step import Key

__all__ = ["key_of", "keyed", "may_search", "refused_by", "repeat_key", "without_logins"]

_LOGOUT: Final = Operation.LOGOUT


def repeat_key(request: ResolveRequest, policy: Policy) -> Key | None:
    """Give what a call must have in common with this one to be answered alike; see `Step.key`."""
    if policy.blocked_values is not None:
        request = without_blocked(request, policy.blocked_values)
    return key_of(request, policy)


def key_of(request: ResolveRequest, policy: Policy) -> Key | None:
    """Give the key of a request without blocked values: kept with them, it could be of any length."""
    if request.idempotency_key is not None or policy.inactive_days is not None:
        return None
    return (
        request.graph,
        request.operation,
        request.read_only,
        request.previous_mpid,
        request.notices,
        *request.identities.values(),
    )


def without_logins(request: ResolveRequest, policy: Policy) -> ResolveRequest:
    """Leave login IDs out of a logout before anything else happens (ID-084)."""
    if request.operation is not _LOGOUT or policy.login.isdisjoint(request.identities):
        return request
    left = {t: identity for t, identity in request.identities.items() if t not in policy.login}
    notices = tuple(
        Notice(t, NoticeReason.LOGIN_ID_IN_LOGOUT) for t in request.identities if t in policy.login
    )
    return ResolveRequest(
        request.operation,
        request.graph,
        left,
        request.previous_mpid,
        request.request_id,
        request.input_id,
        request.read_only,
        request.idempotency_key,
        (*request.notices, *notices),
    )


def may_search(request: ResolveRequest, view: GraphView, policy: Policy, match: Match) -> bool:
    """Say whether a search may show its match (ID-086)."""
    if not policy.immutable or not policy.search_requires_immutable:
        return True
    for t in policy.immutable:
        identity = request.identities.get(t)
        holders = None if identity is None else view.holders(identity)
        if holders is not None and holders.has(match.mpid):
            return True
    return False


def keyed(change_set: ChangeSet, request: ResolveRequest | ModifyRequest) -> ChangeSet:
    """Let what was decided rest on its idempotency key being new, be it a write or a refusal."""
    if request.idempotency_key is not None:
        change_set.input_id = request.input_id
        change_set.idempotency_key = request.idempotency_key
    return change_set


def refused_by(error: IdsyncError) -> str:
    """Name the rule of a refusal, or its reason where no rule has a name."""
    return error.metadata.get("rule") or error.reason
