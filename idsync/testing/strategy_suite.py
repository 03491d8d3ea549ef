"""What every strategy keeps to, ours and yours, on generated graphs and requests.

    class TestMyStrategy(StrategySuite):
        strategy = MY_STRATEGY

needs pytest and hypothesis. How many graphs are tried is a setting of hypothesis (`max_examples`).
"""

from __future__ import annotations

import copy
import re
from collections.abc import Sequence
from dataclasses import replace
from typing import ClassVar

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from idsync.model.decision import Create, Decision, Match, Refuse, Reuse
from idsync.model.identity import Identity, TypeSet, type_set
from idsync.model.policy import Policy
from idsync.model.request import Operation, ResolveRequest
from idsync.model.strategy import Strategy
from idsync.testing.graphs import Names, Records, records, requests, view_of
from idsync.testing.policies import sound_policies
from idsync.testing.purity import impure_calls

__all__ = ["StrategySuite"]

_any_data = given(data=st.data())
# A method of a suite runs in every subclass, which hypothesis takes for a slip.
_in_each_subclass = settings(deadline=None, suppress_health_check=[HealthCheck.differing_executors])

_RULE = re.compile(r"[a-z0-9_-]+/[a-z0-9-]+")


class StrategySuite:
    """Subclass it, and give it a `strategy`.

    Attributes:
        strategy: The strategy under test.
    """

    strategy: ClassVar[Strategy]

    def policies(self) -> Sequence[Policy]:
        """List the settings to try; override it for a strategy that accepts none of the usual ones."""
        return sound_policies(self.strategy)

    def test_it_is_complete(self) -> None:
        """A strategy says what it is called, what it allows and what it refuses."""
        strategy = self.strategy

        assert re.fullmatch(r"[a-z0-9_]+", strategy.name)
        assert isinstance(strategy.aliasing, bool)
        assert isinstance(strategy.ephemeral_anonymous, bool)
        assert self.policies()
        for policy in self.policies():
            assert list(strategy.faults(policy)) == []
            assert all(isinstance(part, str) for warning in strategy.warnings(policy) for part in warning)

    @_any_data
    @_in_each_subclass
    def test_the_same_question_has_the_same_answer(self, data: st.DataObject) -> None:
        """Losing a race costs another look, replaying history another call: nothing else (design, idea 1)."""
        case = self._case(data)

        assert case.decide() == case.decide()

    @_any_data
    @_in_each_subclass
    def test_the_order_of_identities_does_not_matter(self, data: st.DataObject) -> None:
        case = self._case(data)
        shuffled = dict(data.draw(st.permutations(list(case.request.identities.items()))))

        assert case.decide() == case.asking(identities=shuffled).decide()

    @_any_data
    @_in_each_subclass
    def test_only_profiles_of_the_view_are_named(self, data: st.DataObject) -> None:
        """A match holds an identity of the request; a source is a match or the previous profile (ID-122)."""
        case = self._case(data)
        decision = case.decide()
        match = _match(decision)

        if match is not None:
            held = set(case.graph[match.mpid]) & set(case.request.identities.values())
            assert held
            assert match.decided_by in held
            assert match.candidates >= 1
        if isinstance(decision, Create) and decision.source is not None:
            assert decision.source in case.graph
            assert match is None or decision.source in {match.mpid, case.request.previous_mpid}

    @_any_data
    @_in_each_subclass
    def test_a_known_profile_is_given_only_to_who_has_a_login_id_of_it(self, data: st.DataObject) -> None:
        """Login protection (ID-050), with every strategy and call; a logout gives no known one (ID-083)."""
        case = self._case(data)
        match = _match(case.decide())
        record = [] if match is None else case.graph[match.mpid]
        shared = set(record) & set(case.request.identities.values())

        assert match is None or match.is_known is case.policy.is_known(_types(record))
        assert not case.policy.is_known(_types(record)) or any(i.type in case.policy.login for i in shared)

    @_any_data
    @_in_each_subclass
    def test_a_profile_with_immutable_ids_is_given_only_to_who_has_one(self, data: st.DataObject) -> None:
        """Immutable protection (ID-051)."""
        case = self._case(data)
        match = _match(case.decide())
        record = [] if match is None else case.graph[match.mpid]
        shared = set(record) & set(case.request.identities.values())
        is_protected = bool(_types(record) & case.policy.immutable_set)

        assert not is_protected or any(i.type in case.policy.immutable for i in shared)

    @_any_data
    @_in_each_subclass
    def test_guarded_nobody_is_given_who_has_another_value_of_a_higher_unique_type(
        self, data: st.DataObject
    ) -> None:
        """The conflict guard (X-02): a match is led to by a type with no unique type above it at odds."""
        case = self._case(data).under(conflict_guard=True)
        match = _match(case.decide())
        record = [] if match is None else case.graph[match.mpid]

        for t in case.policy.priority:
            if match is None or t == match.decided_by.type:
                break
            brought = case.request.identities.get(t)
            theirs = [identity for identity in record if identity.type == t]
            assert t not in case.policy.unique or brought is None or not theirs or brought in theirs

    @_any_data
    @_in_each_subclass
    def test_the_guard_changes_nothing_where_nobody_is_at_odds(self, data: st.DataObject) -> None:
        """Whoever has none of the request's unique types, or the same values, is found as without it."""
        case = self._case(data)
        at_odds = any(
            identity.type in case.policy.unique
            and case.request.identities.get(identity.type, identity) != identity
            for record in case.graph.values()
            for identity in record
        )

        assert (
            at_odds or case.under(conflict_guard=True).decide() == case.under(conflict_guard=False).decide()
        )

    @_any_data
    @_in_each_subclass
    def test_an_unknown_previous_mpid_is_ignored(self, data: st.DataObject) -> None:
        """It is never a key (ID-064)."""
        case = self._case(data)

        assert case.asking(previous_mpid=12_345).decide() == case.asking(previous_mpid=None).decide()

    @_any_data
    @_in_each_subclass
    def test_profiles_that_share_nothing_do_not_matter(self, data: st.DataObject) -> None:
        """Whoever else is in the graph has no influence."""
        case = self._case(data)
        asked = set(case.request.identities.values())
        concerned = {
            mpid: record
            for mpid, record in case.graph.items()
            if mpid == case.request.previous_mpid or asked & set(record)
        }

        assert case.decide() == _Case(self.strategy, case.policy, concerned, case.request).decide()

    @_any_data
    @_in_each_subclass
    def test_one_that_goes_by_standing_cares_for_no_names(self, data: st.DataObject) -> None:
        """Neither what values say nor how MPIDs are numbered decides: others are told alike (ID-040)."""
        case = self._case(data)
        values = data.draw(st.lists(st.text(min_size=1), min_size=2, max_size=2, unique=True), "values")
        mpids = data.draw(st.permutations(list(case.graph)), "MPIDs")
        names = Names(dict(zip(("1", "2"), values, strict=True)), dict(zip(case.graph, mpids, strict=True)))
        renamed = _Case(
            self.strategy, case.policy, names.of_records(case.graph), names.of_request(case.request)
        )

        assert not self.strategy.by_standing or renamed.decide() == names.of_decision(case.decide())

    @_any_data
    @_in_each_subclass
    def test_it_asks_nothing_but_its_arguments(self, data: st.DataObject) -> None:
        """Neither clock nor chance nor I/O (design, idea 1)."""
        case = self._case(data)

        assert impure_calls(case.decide) == []

    @_any_data
    @_in_each_subclass
    def test_it_leaves_its_arguments_alone(self, data: st.DataObject) -> None:
        case = self._case(data)
        before = copy.deepcopy((case.request, case.policy))

        case.decide()

        assert (case.request, case.policy) == before
        assert list(case.request.identities) == list(before[0].identities)

    @_any_data
    @_in_each_subclass
    def test_every_decision_names_its_rule(self, data: st.DataObject) -> None:
        """It is in the answer, the journal and the metrics, where no value may be (ID-252)."""
        case = self._case(data)
        decision = case.decide()

        assert _RULE.fullmatch(decision.rule)
        if isinstance(decision, Refuse):
            assert decision.message
            assert case.request.operation is Operation.LOGIN

    def _case(self, data: st.DataObject) -> _Case:
        policy = data.draw(st.sampled_from(self.policies()), "policy")
        return _Case(
            self.strategy, policy, data.draw(records(policy), "graph"), data.draw(requests(policy), "request")
        )


class _Case:
    """A strategy, the settings, a graph, and a request."""

    def __init__(self, strategy: Strategy, policy: Policy, graph: Records, request: ResolveRequest) -> None:
        self._strategy = strategy
        self.policy = policy
        self.graph = graph
        self.request = request
        self._view = view_of(graph, request, policy)

    def decide(self) -> Decision:
        return self._strategy.decide(self.request, self._view, self.policy)

    def under(self, *, conflict_guard: bool) -> _Case:
        """Ask the same under other settings."""
        policy = replace(self.policy, conflict_guard=conflict_guard)
        return _Case(self._strategy, policy, self.graph, self.request)

    def asking(self, **other: object) -> _Case:
        """Ask the same graph for something else."""
        request = copy.copy(self.request)
        for name, value in other.items():
            setattr(request, name, value)
        return _Case(self._strategy, self.policy, self.graph, request)


def _match(decision: Decision) -> Match | None:
    if isinstance(decision, Reuse):
        return decision.match
    return decision.beside if isinstance(decision, Create) else None


def _types(record: Sequence[Identity]) -> TypeSet:
    return type_set(identity.type for identity in record)
