"""The suite for strategies finds those that do not keep what they promise."""

from __future__ import annotations

from contextlib import nullcontext

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from idsync.model.decision import Create, Decision
from idsync.model.policy import Policy
from idsync.model.request import ResolveRequest
from idsync.model.strategy import Decide, Strategy
from idsync.model.view import GraphView
from idsync.testing.strategy_suite import StrategySuite


def _by_what_values_say(request: ResolveRequest, _view: GraphView, _policy: Policy) -> Decision:
    says_one = any(identity.value == "1" for identity in request.identities.values())
    return Create("nosy/one" if says_one else "nosy/other")


def _by_number(request: ResolveRequest, _view: GraphView, _policy: Policy) -> Decision:
    previous = request.previous_mpid
    return Create("nosy/high" if previous is not None and previous > 0 else "nosy/other")


@pytest.mark.parametrize("decide", [_by_what_values_say, _by_number])
@pytest.mark.parametrize("promises", [True, False], ids=["promises", "does not promise"])
def test_a_promise_to_look_at_no_names_is_tried(decide: Decide, promises: bool) -> None:
    """`Strategy.by_standing`: others would be told what was decided of names that are not theirs."""

    class Nosy(StrategySuite):
        strategy = Strategy("nosy", decide, aliasing=False, ephemeral_anonymous=False, by_standing=promises)

    check = Nosy.test_one_that_goes_by_standing_cares_for_no_names.hypothesis.inner_test  # type: ignore[attr-defined]

    @settings(deadline=None, max_examples=50, phases=[Phase.generate])
    @given(st.data())
    def tried(data: st.DataObject) -> None:
        check(Nosy(), data)

    with pytest.raises(AssertionError) if promises else nullcontext():
        tried()
