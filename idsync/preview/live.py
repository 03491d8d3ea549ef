"""Who really has what: the journal's entries added up, as far as a comparison needs it."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Mapping
from typing import Any, Final

from idsync.model.identity import Mpid
from idsync.model.journal import ChangeKind

__all__ = ["LiveGraph", "Rules"]

_CREATED: Final = int(ChangeKind.PROFILE_CREATED)
_ADDED: Final = int(ChangeKind.IDENTITY_ADDED)
_REMOVED: Final = int(ChangeKind.IDENTITY_REMOVED)
_ERASED: Final = int(ChangeKind.PROFILE_ERASED)


class Rules:
    """The rule of every commit, in two bytes each: there are few rules."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}
        self._names: list[str] = []
        self._of: array[int] = array("H")

    def note(self, seq: int, rule: str) -> None:
        """Note the rule of a commit; they come in order."""
        number = self._numbers.get(rule)
        if number is None:
            number = self._numbers[rule] = len(self._names)
            self._names.append(rule)
        if seq == len(self._of):
            self._of.append(number)
        else:
            self._of.extend([number] * (seq + 1 - len(self._of)))

    def of(self, seq: int) -> str:
        """Give the rule of a commit."""
        return self._names[self._of[seq]]


class LiveGraph:
    """Holders of every identity, by id; most identities have one.

    Attributes:
        profiles: How many live profiles there are.
    """

    def __init__(self) -> None:
        self._holders: dict[int, tuple[Mpid, int] | dict[Mpid, int]] = {}
        self._held: dict[Mpid, list[int]] = {}
        self.rules = Rules()
        self.profiles = 0

    def add(self, seq: int, rule: str, changes: Iterable[list[Any]]) -> None:
        """Add one entry."""
        self.rules.note(seq, rule)
        for kind, mpid, identity_id, *_ in changes:
            if kind == _ADDED:
                self._link(identity_id, mpid, seq)
            elif kind == _REMOVED:
                self._unlink(identity_id, mpid)
                self._held[mpid].remove(identity_id)
            elif kind == _CREATED:
                self.profiles += 1
            elif kind == _ERASED:
                self.profiles -= 1
                for held in self._held.pop(mpid, ()):
                    self._unlink(held, mpid)

    def _link(self, identity_id: int, mpid: Mpid, seq: int) -> None:
        self._held.setdefault(mpid, []).append(identity_id)
        known = self._holders.get(identity_id)
        if known is None:
            self._holders[identity_id] = mpid, seq
        elif isinstance(known, dict):
            known[mpid] = seq
        else:
            self._holders[identity_id] = {known[0]: known[1], mpid: seq}

    def _unlink(self, identity_id: int, mpid: Mpid) -> None:
        known = self._holders[identity_id]
        if isinstance(known, dict):
            del known[mpid]
            if known:
                return
        del self._holders[identity_id]

    def sole_owner(self, identity_id: int) -> Mpid | None:
        """Name who alone has an identity on the record, as most have theirs."""
        known = self._holders.get(identity_id)
        return known[0] if isinstance(known, tuple) else None

    def owners(self, identity_id: int) -> Mapping[Mpid, int]:
        """Name who has an identity on the record, each with the entry that added it."""
        known = self._holders.get(identity_id)
        if isinstance(known, dict):
            return known
        return {} if known is None else {known[0]: known[1]}
