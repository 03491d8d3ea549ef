"""Undoes journal entries: what they changed is as it was before the first of them."""

from __future__ import annotations

from idsync.model.changes import Applied, ChangeSet
from idsync.model.errors import ConflictError, IdsyncError
from idsync.model.identity import Identity, Mpid
from idsync.model.policy import Policy
from idsync.model.undo import RevertRequest, Undone
from idsync.model.view import GraphView, ViewRequest
from idsync.resolve.undo.draft import Draft, Sheet, require_apart
from idsync.resolve.undo.following import Undoing

__all__ = ["Outdated", "RevertStep"]


class Outdated(Exception):  # noqa: N818 - it is no error: the journal must be read again
    """An entry was written since the journal was read."""


class RevertStep:
    """One revert, of entries that were found by `following.gather`."""

    __slots__ = ("_outcome", "_policy", "_request", "_undoing", "wanted")

    key = None
    likeness = None
    is_whole = True
    recordable = False

    def __init__(self, request: RevertRequest, undoing: Undoing, policy: Policy) -> None:
        self._request = request
        self._undoing = undoing
        self._policy = policy
        self._outcome: Draft | IdsyncError | Outdated
        self.wanted = ViewRequest(
            request.graph,
            policy.login_set,
            undoing.identities,
            undoing.mpids,
            records=True,
            whole=[i for i in undoing.identities if i.type in policy.unique or undoing.permitted],
        )

    def decide(self, view: GraphView) -> ChangeSet:
        """Plan what goes back; a preview plans the same."""
        request = self._request
        try:
            draft, change_set = self._planned(view)
        except (IdsyncError, Outdated) as error:
            self._outcome = error
            return ChangeSet(request.graph, 0, view)
        self._outcome = draft
        if request.preview:
            return ChangeSet(request.graph, 0, view)
        change_set.request_id = request.request_id
        change_set.input_id = request.input_id
        return change_set

    def _planned(self, view: GraphView) -> tuple[Draft, ChangeSet]:
        request, undoing = self._request, self._undoing
        draft = Draft(request.graph, view, self._policy)
        for mpid in undoing.mpids:
            if draft.sheet(mpid).version > undoing.seen:
                raise Outdated
        draft.require_version(request.expected_version)
        self._put_back(draft)
        draft.withdrawn = self._standing(view)
        draft.forbidden = list(undoing.permitted)
        draft.require_allowed()
        for sides in draft.forbidden:
            require_apart(sides, draft)
        if request.forbid and not draft.forbidden:
            self._part(draft)
        changed = [sheet for sheet in draft.sheets.values() if list(sheet.changes(self._policy))]
        if not changed and not draft.withdrawn and not draft.forbidden:
            raise ConflictError(f"nothing of journal entry {request.seq} stands any more")
        draft.sheets = {sheet.mpid: sheet for sheet in changed}
        rule = "revert/entry" if len(undoing.entries) == 1 else "revert/with-following"
        about = self._about(draft)
        return draft, draft.change_set(about, "revert", rule, undoing.identities, self._reverted)

    def _put_back(self, draft: Draft) -> None:
        begun: dict[Identity, Mpid] = {}
        for (identity, mpid, descriptive), was_there in self._undoing.links.items():
            sheet = draft.sheet(mpid)
            values = sheet.described if descriptive else sheet.record
            if was_there and identity not in values:
                if not identity.value:
                    raise ConflictError(f"the {identity.type.wire_name} of profile {mpid} was erased since")
                if not descriptive and begun.setdefault(identity, mpid) != mpid:
                    raise ConflictError(
                        f"the {identity.type.wire_name} would be put on two profiles: undo the entries singly"
                    )
                values[identity] = None
            elif not was_there:
                values.pop(identity, None)

    def _standing(self, view: GraphView) -> list[int]:
        """Name those of the entries whose must-not-links still stand."""
        standing = {link.seq for identity in self._undoing.identities for link in view.must_nots(identity)}
        return [seq for seq in self._undoing.forbade if seq in standing]

    def _part(self, draft: Draft) -> None:
        """Keep apart what is taken off a profile and what stays on it."""
        for sheet in draft.sheets.values():
            gone = set(sheet.removed)
            draft.part(sheet, [other for other in draft.sheets.values() if _gets(other, gone)])

    def _about(self, draft: Draft) -> Mpid:
        named = [*self._undoing.entries.values(), *draft.sheets]
        return next((mpid for mpid in named if mpid in draft.sheets), 0)

    @property
    def _reverted(self) -> list[int]:
        return list(self._undoing.entries)

    def answer(self, applied: Applied) -> Undone:
        """Say what was done, or raise what was refused."""
        if isinstance(self._outcome, IdsyncError | Outdated):
            raise self._outcome
        return self._outcome.undone(0, applied.seq, self._reverted)


def _gets(sheet: Sheet, gone: set[Identity]) -> bool:
    return not gone.isdisjoint(sheet.added)
