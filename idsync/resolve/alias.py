"""Alias requests: what is refused, what is taken, and what is silently ignored (section 10)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from idsync.model.aliasing import AliasRecord, AliasState, AliasTerms
from idsync.model.changes import ChangeSet
from idsync.model.errors import InvalidAliasError
from idsync.model.identity import GraphKey, Identity, IdentityType
from idsync.model.journal import Change, ChangeKind, Evidence
from idsync.model.policy import Policy
from idsync.model.request import AliasRequest
from idsync.model.values import absence
from idsync.model.view import GraphView

__all__ = ["DEVICE", "PROFILE", "TOLERANCE_MS", "plan_alias", "plan_due", "terms_of"]

TOLERANCE_MS: Final = 300_000
"""Clocks may differ by five minutes (ID-183)."""
DEVICE: Final = "device"
PROFILE: Final = "mpid"
_DAY_MS: Final = 86_400_000


def terms_of(request: AliasRequest, policy: Policy, now_ms: int) -> AliasTerms:
    """Fill in the defaults and check shape and times.

    Raises:
        InvalidAliasError: ID-182 to ID-184, as far as the request alone shows it.
    """
    if request.source == request.destination:
        raise InvalidAliasError("source and destination are the same profile")
    earliest_ms = now_ms - policy.alias_max_window_days * _DAY_MS
    start_ms = earliest_ms if request.start_ms is None else request.start_ms
    end_ms = now_ms if request.end_ms is None else request.end_ms
    if start_ms > end_ms:
        raise InvalidAliasError("the start is later than the end")
    if start_ms < earliest_ms - TOLERANCE_MS:
        raise InvalidAliasError(f"the start is more than {policy.alias_max_window_days} days ago")
    if end_ms > now_ms + TOLERANCE_MS:
        raise InvalidAliasError("the end is in the future")
    stamp_type = IdentityType.DEVICE_APPLICATION_STAMP
    stamp = (
        Identity(stamp_type, request.stamp)
        if request.stamp and not absence(stamp_type, request.stamp)
        else None
    )
    default = PROFILE if stamp is None else DEVICE
    scope = default if request.scope is None else request.scope
    if scope not in {DEVICE, PROFILE}:
        raise InvalidAliasError('the scope must be "device" or "mpid"')
    if scope == DEVICE and stamp is None:
        raise InvalidAliasError('the scope "device" needs a device_application_stamp')
    return AliasTerms(
        request.source,
        request.destination,
        start_ms,
        end_ms,
        scope,
        stamp,
        now_ms + policy.alias_delay_s * 1_000,
    )


def plan_alias(request: AliasRequest, terms: AliasTerms, view: GraphView) -> ChangeSet:
    """Plan the entry that takes the request, and ignores it where its history says so (ID-186).

    Raises:
        InvalidAliasError: A profile does not exist in this graph, or is erased (ID-182).
    """
    source, destination = view.profile(terms.source), view.profile(terms.destination)
    if source is None or destination is None:
        raise InvalidAliasError("source or destination does not exist")
    changes = [Change(ChangeKind.ALIAS_TAKEN, terms.source, terms.stamp, terms.destination, terms)]
    reason = _ignored(terms, view)
    if reason:
        changes.append(Change(ChangeKind.ALIAS_IGNORED, terms.source, other=terms.destination, reason=reason))
    return ChangeSet(
        request.graph,
        terms.source,
        view,
        cause="alias",
        rule="alias/ignored" if reason else "alias/taken",
        changes=tuple(changes),
        profiles={source.mpid: source.version, destination.mpid: destination.version},
        evidence=Evidence(),
        request_id=request.request_id,
        input_id=request.input_id,
    )


def _ignored(terms: AliasTerms, view: GraphView) -> str:
    """Say why a request is to be ignored, or nothing; ignored ones do not count against it (ID-186)."""

    def taken(records: Iterable[AliasRecord]) -> list[AliasTerms]:
        return [record.terms for record in records if record.state is not AliasState.IGNORED]

    of_source, of_destination = taken(view.aliases(terms.source)), taken(view.aliases(terms.destination))
    if any(earlier.destination == terms.source for earlier in of_source):
        return "source-was-destination"
    if any(earlier.source == terms.destination for earlier in of_destination):
        return "destination-was-source"
    if any(earlier.start_ms <= terms.end_ms and terms.start_ms <= earlier.end_ms for earlier in of_source):
        return "source-overlaps"
    return ""


def plan_due(graph: GraphKey, record: AliasRecord, view: GraphView) -> ChangeSet | None:
    """Plan carrying out a request that is due (ID-187); `None`: somebody else did it.

    Copying events belongs to the event side (ID-188); here the state changes and is announced. A profile
    erased meanwhile makes the request ignored.
    """
    terms = record.terms
    source, destination = view.profile(terms.source), view.profile(terms.destination)
    current = [*view.aliases(terms.source), *view.aliases(terms.destination)]
    if not any(r.seq == record.seq and r.state is AliasState.PENDING for r in current):
        return None
    gone = source is None or destination is None
    change = Change(
        ChangeKind.ALIAS_IGNORED if gone else ChangeKind.ALIAS_APPLIED,
        terms.source,
        other=terms.destination,
        alias_seq=record.seq,
        reason="profile-erased" if gone else "",
    )
    return ChangeSet(
        graph,
        terms.source,
        view,
        cause="alias",
        rule="alias/profile-erased" if gone else "alias/applied",
        changes=(change,),
        profiles={p.mpid: p.version for p in (source, destination) if p is not None},
    )
