"""What link and isolation share: both part anonymous from known users (sections 7.3 and 7.4)."""

from __future__ import annotations

from idsync.model.decision import Refuse
from idsync.model.matching import login_identities
from idsync.model.policy import Policy
from idsync.model.request import Operation, ResolveRequest

__all__ = ["refuse_login_without_login_id"]


def refuse_login_without_login_id(request: ResolveRequest, policy: Policy, family: str) -> Refuse | None:
    """Refuse a login that names no login ID at all (ID-082); it looks at the request as sent."""
    if request.operation is Operation.LOGIN and not login_identities(request, policy):
        return Refuse(f"{family}/login-without-login-id", "a login needs at least one login ID")
    return None
