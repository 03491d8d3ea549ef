"""Looks for an order of the calls, one after another, that would have given every answer."""

from __future__ import annotations

from typing import Any, Final

from idsync.model.changes import Modification, Resolution
from idsync.model.errors import ContentionError, IdsyncError
from idsync.model.identity import Mpid
from tests.histories.calls import mpid_of, step_of, with_mpid
from tests.histories.model import Model
from tests.histories.recording import History, Operation

__all__ = ["MAX_TRIES", "Undecided", "explain"]

MAX_TRIES: Final = 200_000

Names = dict[Mpid, Mpid]


class Undecided(Exception):  # noqa: N818 - it is no error of the history
    """There were too many orders to try."""


def explain(history: History, max_tries: int = MAX_TRIES) -> list[Operation] | None:
    """Give an order that explains a history; `None`: there is none, so something went wrong.

    Raises:
        Undecided: More than `max_tries` places of calls were tried.
    """
    search = _Search(history, max_tries)
    return search.order_from(Model(), {}, list(history.operations), [])


class _Search:
    def __init__(self, history: History, max_tries: int) -> None:
        self._scope = history.scope
        self._max_tries = max_tries
        self._tries = 0

    def order_from(
        self, model: Model, names: Names, left: list[Operation], order: list[Operation]
    ) -> list[Operation] | None:
        """Go on from a state; `names` leads from MPIDs the clients saw to those of the model."""
        ends = [each.ended for each in left if each.ended is not None]
        if not ends:
            return order
        # Whoever was answered before another one began came before it.
        possible = [each for each in left if each.begun < min(ends)]
        for chosen in sorted(possible, key=_likely_place):
            self._tries += 1
            if self._tries > self._max_tries:
                raise Undecided
            rest = [each for each in left if each is not chosen]
            twin = model.copy()
            learnt = self._agrees(twin, names, chosen)
            if chosen.ended is None and twin.seq == model.seq:
                continue  # nobody heard of it and it changes nothing: as if it never happened
            if learnt is not None:
                found = self.order_from(twin, learnt, rest, [*order, chosen])
                # A call that agrees here and changed nothing may as well be here: trying it later is in vain.
                changed_nothing = twin.seq == model.seq and learnt == names and chosen.ended is not None
                if found is not None or changed_nothing:
                    return found
        return None

    def _agrees(self, model: Model, names: Names, chosen: Operation) -> Names | None:
        """Let the model answer the call; gives the names known then, or `None` if the answers differ."""
        if isinstance(chosen.outcome, ContentionError):
            return names  # it says that nothing was changed
        mpid = mpid_of(chosen.request)
        request = with_mpid(chosen.request, names.get(mpid, mpid) if mpid is not None else None)
        answer = model.play(step_of(request, self._scope))
        if chosen.ended is None:
            return names
        learnt = dict(names)
        return learnt if _same(chosen.outcome, answer, learnt) else None


def _likely_place(operation: Operation) -> int:
    """Say when to try a call: first what changed nothing, then by position, last what nobody heard of again.

    It only decides how soon an order is found, never whether.
    """
    if operation.ended is None:
        return 1 << 60
    return int(getattr(operation.outcome, "journal_seq", 0))


def _same(seen: Any, expected: Any, names: Names) -> bool:
    if type(seen) is not type(expected):
        return False
    if isinstance(seen, IdsyncError):
        return bool(seen.message == expected.message)
    if isinstance(seen, Resolution):
        said = ("matched", "is_logged_in", "is_ephemeral", "outcome", "rule", "decided_by", "notices")
        return _is_named(seen.mpid, expected.mpid, names) and all(
            getattr(seen, name) == getattr(expected, name) for name in said
        )
    if isinstance(seen, Modification):
        return (
            seen.is_logged_in == expected.is_logged_in
            and len(seen.results) == len(expected.results)
            and all(
                kind is other_kind and _is_named(mpid, other, names)
                for (kind, mpid), (other_kind, other) in zip(seen.results, expected.results, strict=True)
            )
        )
    return bool(seen == expected)


def _is_named(seen: Mpid, expected: Mpid, names: Names) -> bool:
    """Say whether two MPIDs are the same profile; one that is new on both sides is from now on."""
    if seen not in names and expected not in names.values():
        names[seen] = expected
    return names.get(seen) == expected
