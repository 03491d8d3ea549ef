"""What it takes to undo commits of a candidate's graph: what still stands is on the records themselves."""

from __future__ import annotations

from array import array
from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol

from idsync.model.identity import Identity, Mpid

__all__ = ["UndoLog"]


class _Person(Protocol):
    def record(self) -> Mapping[Identity, int]: ...

    def descriptions(self) -> Mapping[Identity, int]: ...


class _Taken(NamedTuple):
    """What a commit took off a profile, and the commit that had put it there."""

    identity: Identity
    mpid: Mpid
    descriptive: bool
    since: int


class UndoLog:
    """Keeps of every commit whom it changed, eight bytes, and what it took off, which few do."""

    def __init__(self) -> None:
        self._about: array[int] = array("q", [0])
        self._several: dict[int, tuple[Mpid, ...]] = {}
        self._taken: dict[int, list[_Taken]] = {}

    def note(self, mpids: Sequence[Mpid]) -> None:
        """Note whom the next commit changes; the first is the one that it is about."""
        if len(mpids) > 1:
            self._several[len(self._about)] = tuple(mpids)
        self._about.append(mpids[0] if mpids else 0)

    def note_taken(
        self, commit: int, identity: Identity, mpid: Mpid, since: int, *, descriptive: bool
    ) -> None:
        """Note what a commit takes off, in its order."""
        self._taken.setdefault(commit, []).append(_Taken(identity, mpid, descriptive, since))

    def about(self, commit: int) -> Mpid:
        """Name the profile that a commit is about."""
        return self._about[commit]

    def links(
        self, commits: Sequence[int], people: Mapping[Mpid, _Person]
    ) -> dict[tuple[Identity, Mpid, bool], bool]:
        """Give the links that commits changed, each with whether it was there before the first of them.

        What was added and is gone again, by a commit that is not among them, is not named.

        Args:
            commits: In order.
            people: Live profiles.
        """
        links: dict[tuple[Identity, Mpid, bool], bool] = {}
        among = frozenset(commits)
        for commit in commits:
            for identity, mpid, descriptive, since in self._taken.get(commit, ()):
                links.setdefault((identity, mpid, descriptive), since not in among)
            for mpid in self._several.get(commit, (self._about[commit],)):
                person = people.get(mpid)
                if person is None:
                    continue
                for descriptive, values in ((False, person.record()), (True, person.descriptions())):
                    for identity, since in values.items():
                        if since == commit:
                            links.setdefault((identity, mpid, descriptive), False)
        return links
