"""Who is at odds with a request: has another value of a unique type than the request brings (X-02)."""

from __future__ import annotations

from idsync.model.identity import IdentityType, Mpid, TypeSet
from idsync.model.policy import Policy
from idsync.model.quarantine import recorded_holders
from idsync.model.request import ResolveRequest
from idsync.model.view import GraphView, Holders

__all__ = ["Conflicts"]


class Conflicts:
    """Compares profiles with one request; it looks at who holds what, and at no value.

    A profile that has several values of a type, the request's among them, is not at odds with it.
    """

    def __init__(self, request: ResolveRequest, view: GraphView, policy: Policy) -> None:
        self._view = view
        self._login_set = policy.login_set
        self._brought: dict[IdentityType, Holders | None] = {}
        self._above: dict[IdentityType, TypeSet] = {}
        above: TypeSet = 0
        for t in policy.priority:
            self._above[t] = above
            identity = request.identities.get(t)
            if identity is not None and policy.unique_set >> t & 1:
                # who has it is not at odds, be it quarantined or not
                self._brought[t] = (
                    recorded_holders(view, identity) if view.has_quarantined else view.holders(identity)
                )
                above |= 1 << t
        self.types = tuple(self._brought)
        """The unique types of the request, highest first."""

    def above(self, identity_type: IdentityType, *, is_known: bool) -> TypeSet:
        """Give the unique types of the request above a type that such profiles may have at all (ID-008)."""
        above = self._above.get(identity_type, 0)
        return above if is_known else above & ~self._login_set

    def of(self, mpid: Mpid, types: TypeSet) -> tuple[IdentityType, ...]:
        """Give those of the types in which a profile is at odds with the request."""
        profile = self._view.profile(mpid)
        if profile is None:
            return ()
        types &= profile.types
        return tuple(
            t
            for t, holders in self._brought.items()
            if types >> t & 1 and (holders is None or not holders.has(mpid))
        )

    def anywhere(self, mpid: Mpid, request: ResolveRequest) -> tuple[IdentityType, ...]:
        """Give the types in which a profile is at odds where any of its identities would lead to it."""
        reached: TypeSet = 0
        for t, identity in request.identities.items():
            holders = self._view.holders(identity)
            if holders is not None and holders.has(mpid):
                reached |= self._above.get(t, 0)
        return self.of(mpid, reached)
