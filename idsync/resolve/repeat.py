"""The answer to a call whose idempotency key is in the journal already: the same again, without effect."""

from __future__ import annotations

from idsync.model.changes import Modification, Outcome, Resolution
from idsync.model.errors import IdsyncError, InvalidRequestError
from idsync.model.identity import type_set
from idsync.model.journal import ChangeKind, JournalEntry
from idsync.model.policy import Policy
from idsync.model.request import ModifyRequest, ResolveRequest
from idsync.model.view import GraphView
from idsync.resolve.scope import Scope

__all__ = ["repeated_logout", "repeated_modify"]


def _other_request() -> IdsyncError:
    return InvalidRequestError(
        "this idempotency_key was used for another request", fields=("idempotency_key",)
    )


def repeated_logout(request: ResolveRequest, earlier: JournalEntry, scope: Scope) -> Resolution | IdsyncError:
    """Answer a logout as its first sending was answered.

    A key that was used for another call or other identities is refused rather than answered wrongly. Values
    that were erased meanwhile can neither be compared nor be shown again.
    """
    asked = {identity for identity in earlier.evidence.asked if identity.value}
    if earlier.cause != request.operation.value or not asked.issubset(request.identities.values()):
        return _other_request()
    created = any(change.kind is ChangeKind.PROFILE_CREATED for change in earlier.changes)
    return Resolution(
        earlier.mpid,
        tuple(identity for identity in earlier.evidence.matched if identity.value),
        is_logged_in=False,
        is_ephemeral=scope.strategy.ephemeral_anonymous,
        outcome=Outcome.CREATED if created else Outcome.FOUND,
        rule=earlier.rule,
        decided_by=None if created else earlier.evidence.decided_by,
        journal_seq=earlier.seq,
        notices=earlier.evidence.notices,
    )


def repeated_modify(
    request: ModifyRequest, earlier: JournalEntry, view: GraphView, policy: Policy
) -> Modification | IdsyncError:
    """Answer a modify as its first sending was answered; its results are read off the entry's changes."""
    if earlier.cause != "modify" or earlier.mpid != request.mpid:
        return _other_request()
    target = view.profile(request.mpid)
    results = [
        (change.identity.type, change.mpid) for change in earlier.changes if change.identity is not None
    ]
    is_known = target is not None and policy.is_known(type_set(i.type for i in target.record()))
    return Modification(tuple(dict.fromkeys(results)), is_known, earlier.seq, earlier.evidence.notices)
