"""Makes a must-not-link, or withdraws it."""

from __future__ import annotations

from idsync.model.changes import Applied, ChangeSet
from idsync.model.errors import ConflictError, IdsyncError, NotFoundError
from idsync.model.identity import Identity
from idsync.model.journal import Change, ChangeKind, Evidence
from idsync.model.must_not import MustNot, Side
from idsync.model.policy import Policy
from idsync.model.undo import Forbidding, ForbidRequest
from idsync.model.view import GraphView, ViewRequest
from idsync.resolve.undo.draft import Draft, forbidden_changes, require_apart

__all__ = ["ForbidStep"]


class ForbidStep:
    """One forbid, or its withdrawal."""

    __slots__ = ("_identities", "_outcome", "_policy", "_request", "wanted")

    key = None
    likeness = None
    is_whole = True
    recordable = False

    def __init__(self, request: ForbidRequest, policy: Policy) -> None:
        self._request = request
        self._policy = policy
        self._outcome: Forbidding | IdsyncError
        self._identities: list[Identity] = [i for side in request.sides for i in side.identities]
        mpids = [side.mpid for side in request.sides if side.mpid is not None]
        self.wanted = ViewRequest(
            request.graph, policy.login_set, self._identities, mpids, whole=self._identities
        )

    def decide(self, view: GraphView) -> ChangeSet:
        """Plan the entry."""
        request = self._request
        nothing = ChangeSet(request.graph, 0, view)
        try:
            changes = self._withdrawn(view) if request.withdraw else self._forbidden(view)
        except IdsyncError as error:
            self._outcome = error
            return nothing
        if request.validate_only:
            return nothing
        nothing.cause = "forbid"
        nothing.rule = "forbid/withdrawn" if request.withdraw else "forbid/forbidden"
        nothing.mpid = 0 if request.withdraw else self._about
        nothing.changes = tuple(changes)
        nothing.identities = {i: _version(view, i) for i in self._identities}
        nothing.profiles = {
            p.mpid: p.version
            for side in request.sides
            if not request.withdraw and side.mpid is not None and (p := view.profile(side.mpid)) is not None
        }
        named = {change.identity for change in changes}
        nothing.evidence = Evidence(tuple(i for i in self._identities if nothing.identities[i] or i in named))
        nothing.request_id = request.request_id
        nothing.input_id = request.input_id
        return nothing

    @property
    def _about(self) -> int:
        return next((side.mpid for side in self._request.sides if side.mpid is not None), 0)

    def _forbidden(self, view: GraphView) -> list[Change]:
        sides = self._request.sides
        for side in sides:
            if side.mpid is not None and view.profile(side.mpid) is None:
                raise NotFoundError(f"there is no live profile {side.mpid}")
        for link in self._standing(view):
            if _says(link, sides):
                raise ConflictError(
                    f"journal entry {link.seq} forbids that already", journal_seq=str(link.seq)
                )
        require_apart(sides, Draft(self._request.graph, view, self._policy))
        self._outcome = Forbidding((sides,), (), 0)
        return forbidden_changes([sides], self._about, self._request.reason)

    def _withdrawn(self, view: GraphView) -> list[Change]:
        links = [link for link in self._standing(view) if _says(link, self._request.sides)]
        if not links:
            raise NotFoundError("there is no such must-not-link")
        seqs = tuple(sorted({link.seq for link in links}))
        self._outcome = Forbidding(tuple(link.sides for link in links), seqs, 0)
        return [Change(ChangeKind.PERMITTED, 0, alias_seq=seq) for seq in seqs]

    def _standing(self, view: GraphView) -> list[MustNot]:
        found = {link: None for identity in self._identities for link in view.must_nots(identity)}
        return sorted(found, key=lambda link: link.seq)

    def answer(self, applied: Applied) -> Forbidding:
        """Say what was done, or raise what was refused."""
        if isinstance(self._outcome, IdsyncError):
            raise self._outcome
        return Forbidding(self._outcome.links, self._outcome.withdrawn, applied.seq)


def _version(view: GraphView, identity: Identity) -> int:
    holders = view.holders(identity)
    return 0 if holders is None else holders.version


def _says(link: MustNot, sides: tuple[Side, Side]) -> bool:
    """Say whether a must-not-link keeps two sides apart, whichever comes first in it."""
    return any(
        all(_within(side, by) for side, by in zip(sides, order, strict=True))
        for order in (link.sides, link.sides[::-1])
    )


def _within(side: Side, by: Side) -> bool:
    return set(side.identities) <= set(by.identities) and side.mpid in {None, by.mpid}
