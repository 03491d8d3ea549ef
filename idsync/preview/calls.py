"""Makes one call in the candidate's graph, through the steps of the resolver; or as it was ruled of another.

A strategy that goes by standing is asked once for all calls that stand alike (`idsync.resolve.ruling`). Most
calls of a history bring values that nobody has, or come back with just what their profile was born with.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, TypeAlias

from idsync.model.changes import Applied
from idsync.model.errors import IdsyncError
from idsync.model.identity import GraphKey, Identity, IdentityType, Mpid
from idsync.model.journal import NEW
from idsync.model.request import IdentityChange, ModifyRequest, Operation, ResolveRequest
from idsync.model.standing import UNHELD, Standing
from idsync.preview.comparison import Answered, Comparison
from idsync.resolve.scope import Scope
from idsync.resolve.steps.modifying import ModifyStep, modify_rule
from idsync.resolve.steps.resolving import ResolveStep
from idsync.resolve.steps.terms import refused_by
from idsync.store.candidate import CandidateGraph

__all__ = ["OPERATIONS", "TYPES", "Calls"]

OPERATIONS: Final = {operation.value: operation for operation in Operation}
"""The calls that answer with a profile, as the record names them."""
TYPES: Final = {int(kind): kind for kind in IdentityType}
_MAX_RULES: Final = 4_096
"""Calls have few likenesses; strangers may make up many, and then all are forgotten."""

_Likeness: TypeAlias = tuple[bool, str, *tuple[IdentityType, ...]]


class Calls:
    """Makes the calls of one replay.

    Args:
        key: Whose history it is.
        scope: The candidate's settings and strategy, without retention.
        graph: The candidate's.
        comparison: Names the profiles that are created.
        identities: Identities by id.
    """

    def __init__(
        self,
        key: GraphKey,
        scope: Scope,
        graph: CandidateGraph,
        comparison: Comparison,
        identities: Mapping[int, Identity],
    ) -> None:
        self._key = key
        self._scope = scope
        self._graph = graph
        self._comparison = comparison
        self._identities = identities
        # what is blocked is known by its value
        self._by_standing = scope.strategy.by_standing and scope.policy.blocked_values is None
        self._rules: dict[_Likeness, str] = {}

    def resolve(
        self, operation: str, identities: Sequence[Identity], named: Mpid | None, answered: Mpid
    ) -> tuple[Answered, bool]:
        """Identify, log in or log out; says whether that creates a profile.

        Args:
            operation: Which of them.
            identities: What is sent, one of a type at most.
            named: The profile that the client names.
            answered: Who was really answered; 0: nobody.
        """
        graph = self._graph
        standing = None
        if self._by_standing and not graph.has_must_nots and not graph.has_quarantined:
            standing = graph.standing(identities, named)
        likeness: _Likeness | None = None
        if standing is not None:
            likeness = (standing is UNHELD, operation, *[identity[0] for identity in identities])
            rule = self._rules.get(likeness)
            if rule is not None:
                return self._follow(rule, standing, identities, answered)
        step = ResolveStep(
            ResolveRequest(OPERATIONS[operation], self._key, {i[0]: i for i in identities}, named),
            self._scope,
            _no_clock,
        )
        change_set = step.decide(graph)
        created = False
        mpid = change_set.mpid
        if change_set.changes:
            created = mpid == NEW
            if created:
                mpid = self._comparison.name_for(answered)
            graph.commit(change_set.changes, mpid)
            self._comparison.rules.note(graph.seq, change_set.rule)
        try:
            resolution = step.answer(Applied(mpid, 0, None))
        except IdsyncError as error:
            return Answered(0, refused_by(error)), False
        if likeness is not None and standing is not None and len(step.sent.identities) == len(identities):
            self._keep(likeness, step, standing)
        return Answered(resolution.mpid, resolution.rule), created

    def _keep(self, likeness: _Likeness, step: ResolveStep, standing: Standing) -> None:
        ruling = step.ruling(standing)
        if ruling is not None:
            if len(self._rules) >= _MAX_RULES:
                self._rules.clear()
            self._rules[likeness] = ruling.rule

    def _follow(
        self, rule: str, standing: Standing, identities: Sequence[Identity], answered: Mpid
    ) -> tuple[Answered, bool]:
        """Do what was done, and answer as was answered, when another call stood so."""
        if standing is not UNHELD:
            return Answered(standing.mpid, rule), False
        mpid = self._comparison.name_for(answered)
        self._graph.bear(identities, mpid)
        self._comparison.rules.note(self._graph.seq, rule)
        return Answered(mpid, rule), True

    def modify(self, mpid: Mpid, asked: list[list[Any]]) -> Answered:
        """Change the identities of a profile.

        Args:
            mpid: Which.
            asked: Type, and the ids of the old and the new value, of each change.
        """
        graph = self._graph
        changes = tuple(
            IdentityChange(TYPES[kind], self._identity(old), self._identity(new)) for kind, old, new in asked
        )
        step = ModifyStep(ModifyRequest(self._key, mpid, changes), self._scope)
        change_set = step.decide(graph)
        if change_set.changes:
            graph.commit(change_set.changes, mpid)
            self._comparison.rules.note(graph.seq, change_set.rule)
        try:
            step.answer(Applied(mpid, 0, None))
        except IdsyncError as error:
            return Answered(0, refused_by(error))
        return Answered(mpid, modify_rule(bool(change_set.changes)))

    def _identity(self, identity_id: int | None) -> Identity | None:
        return None if identity_id is None else self._identities[identity_id]


def _no_clock() -> int:
    """Give a time to whoever asks: only retention does, and a replay goes without one."""
    return 0
