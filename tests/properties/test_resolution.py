"""What holds for every call, whatever came before it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable

from hypothesis import given

from idsync.model.changes import Outcome, Resolution
from idsync.model.identity import Identity, type_set
from idsync.model.journal import ChangeKind
from idsync.model.policy import Policy
from idsync.model.profile import Profile
from idsync.model.request import Operation
from idsync.resolve.resolver import Scope
from idsync.testing.graph_image import GraphImage, graph_image
from idsync.testing.player import Answer, Player
from idsync.testing.traffic import GRAPHS, Call, Resolving, traffic
from tests.properties.playing import any_scope, memory_player

Check = Callable[[Call, Answer, GraphImage, GraphImage], None]
"""Looks at a call, its answer, and the call's graph before and after."""


def _checked(scope: Scope, calls: Iterable[Call], check: Check) -> None:
    async def run(player: Player) -> None:
        for call in calls:
            if not isinstance(call, Resolving):
                await player.play(call)
                continue
            before = await graph_image(player.store, call.graph)
            answer = await player.play(call)
            check(call, answer, before, await graph_image(player.store, call.graph))

    asyncio.run(run(memory_player(scope)))


@given(any_scope, traffic())
def test_a_unique_value_is_never_on_two_profiles(scope: Scope, calls: list[Call]) -> None:
    """ID-033, with every call and strategy."""

    async def run(player: Player) -> None:
        for call in calls:
            await player.play(call)
            for graph in GRAPHS:
                image = await graph_image(player.store, graph)
                crowded = [i.type for i, mpids in image.holders.items() if len(mpids) > 1]
                assert scope.policy.unique.isdisjoint(crowded)

    asyncio.run(run(memory_player(scope)))


@given(any_scope, traffic())
def test_records_keep_to_the_settings(scope: Scope, calls: list[Call]) -> None:
    """Types of the priority (ID-006), one immutable value (ID-034), at most the maximum (ID-035)."""
    policy = scope.policy

    async def run(player: Player) -> None:
        await player.play_all(calls)
        images = [await graph_image(player.store, graph) for graph in GRAPHS]
        profiles = [profile for image in images for profile in image.profiles.values()]

        for profile in profiles:
            on_record = [recorded.identity.type for recorded in profile.identities]
            described = [recorded.identity.type for recorded in profile.descriptions]
            assert set(on_record) <= set(policy.priority)
            assert set(policy.priority).isdisjoint(described)
            assert all(on_record.count(t) <= 1 for t in policy.immutable)
            assert all(on_record.count(t) <= limit for t, limit in policy.max_per_type.items())

    asyncio.run(run(memory_player(scope)))


@given(any_scope, traffic())
def test_identify_login_and_logout_only_add(scope: Scope, calls: list[Call]) -> None:
    """Nothing is removed or moved, and only the returned profile changes (ID-071), the maximum excepted."""

    def check(call: Call, answer: Answer, before: GraphImage, after: GraphImage) -> None:
        for mpid, profile in before.profiles.items():
            if not isinstance(answer, Resolution) or mpid != answer.mpid:
                assert after.profiles[mpid] == profile
                continue
            lost = set(profile.identities) - set(after.profiles[mpid].identities)
            assert {recorded.identity.type for recorded in lost} <= scope.policy.max_per_type.keys()
            assert set(profile.descriptions) <= set(after.profiles[mpid].descriptions)

    _checked(scope, calls, check)


@given(any_scope, traffic())
def test_what_a_call_puts_on_a_record_is_what_was_sent(scope: Scope, calls: list[Call]) -> None:
    """ID-070, ID-076; with the rules of unique (ID-072) and immutable (ID-073) types."""

    def check(call: Call, answer: Answer, before: GraphImage, after: GraphImage) -> None:
        if not isinstance(call, Resolving) or not isinstance(answer, Resolution) or not answer.journal_seq:
            return
        entry = after.entries[answer.journal_seq - 1]
        if len(after.entries) == len(before.entries):
            return
        added = {c.identity for c in entry.changes if c.kind is ChangeKind.IDENTITY_ADDED}
        record = _identities(before.profiles.get(answer.mpid))
        types = {identity.type for identity in record}
        expected = {
            identity
            for t, identity in call.identities.items()
            if t in scope.policy.priority
            and not (call.operation is Operation.LOGOUT and t in scope.policy.login)
            and identity not in record
            and not (t in scope.policy.unique and before.holders.get(identity))
            and not (t in scope.policy.immutable and t in types)
        }
        assert added == expected

    _checked(scope, calls, check)


@given(any_scope, traffic())
def test_a_known_profile_is_returned_only_to_who_has_a_login_id_of_it(
    scope: Scope, calls: list[Call]
) -> None:
    """Protection of known profiles (ID-050) and of immutable IDs (ID-051), as they stood before the call."""

    def check(call: Call, answer: Answer, before: GraphImage, after: GraphImage) -> None:
        assert isinstance(call, Resolving)
        repeated = isinstance(answer, Resolution) and 0 < answer.journal_seq <= len(before.entries)
        if not isinstance(answer, Resolution) or answer.mpid not in before.profiles or repeated:
            return
        record = _identities(before.profiles[answer.mpid])
        shared = {identity.type for identity in record.intersection(call.identities.values())}
        types = type_set(identity.type for identity in record)
        assert not before.profiles[answer.mpid].erased
        assert shared
        if call.operation is Operation.LOGOUT:
            shared -= scope.policy.login
        assert not scope.policy.is_known(types) or shared & scope.policy.login
        assert not types & scope.policy.immutable_set or shared & scope.policy.immutable

    _checked(scope, calls, check)


@given(any_scope, traffic())
def test_search_and_read_only_calls_leave_no_trace(scope: Scope, calls: list[Call]) -> None:
    """The journal and every table stay as they are (ID-085, ID-088)."""

    def check(call: Call, answer: Answer, before: GraphImage, after: GraphImage) -> None:
        assert isinstance(call, Resolving)
        if call.operation is Operation.SEARCH or call.read_only or not isinstance(answer, Resolution):
            assert after == before

    _checked(scope, calls, check)


@given(any_scope, traffic())
def test_the_answer_says_what_happened(scope: Scope, calls: list[Call]) -> None:
    """Matched before (ID-171), known after (ID-172), ephemeral by strategy (ID-173); the entry written."""

    def check(call: Call, answer: Answer, before: GraphImage, after: GraphImage) -> None:
        assert isinstance(call, Resolving)
        if not isinstance(answer, Resolution) or answer.mpid not in after.profiles:
            return
        if call.idempotency_key is not None and len(after.entries) == len(before.entries):
            return
        record = _identities(before.profiles.get(answer.mpid))
        is_known = _is_known(after.profiles[answer.mpid], scope.policy)
        assert set(answer.matched) == record.intersection(call.identities.values())
        assert answer.is_logged_in is is_known
        assert answer.is_ephemeral is (scope.strategy.ephemeral_anonymous and not is_known)
        assert (answer.outcome is Outcome.CREATED) is (answer.mpid not in before.profiles)
        assert answer.outcome is not Outcome.CONVERTED or (is_known and answer.journal_seq)
        assert answer.journal_seq == (len(after.entries) if len(after.entries) > len(before.entries) else 0)
        if answer.outcome is not Outcome.CREATED:
            assert answer.decided_by in answer.matched

    _checked(scope, calls, check)


@given(any_scope, traffic())
def test_the_returned_profile_is_the_newest_and_its_return_is_written_only_if_it_was_not(
    scope: Scope, calls: list[Call]
) -> None:
    """The order of ID-011 is recorded when it changes among profiles that share a value, and only then."""

    def check(call: Call, answer: Answer, before: GraphImage, after: GraphImage) -> None:
        assert isinstance(call, Resolving)
        writes = call.operation is not Operation.SEARCH and not call.read_only
        if not isinstance(answer, Resolution) or not writes or call.idempotency_key is not None:
            return
        record = _identities(after.profiles[answer.mpid])
        assert all(mpids[0] == answer.mpid for i, mpids in after.holders.items() if i in record)
        new = after.entries[len(before.entries) :]
        if any(change.kind is ChangeKind.RETURNED for entry in new for change in entry.changes):
            earlier = before.profiles[answer.mpid].recency
            sharing = {mpid for i, mpids in after.holders.items() if i in record for mpid in mpids}
            assert any(before.profiles[mpid].recency > earlier for mpid in sharing)

    _checked(scope, calls, check)


def _identities(profile: Profile | None) -> set[Identity]:
    return set() if profile is None else {recorded.identity for recorded in profile.identities}


def _is_known(profile: Profile, policy: Policy) -> bool:
    return policy.is_known(type_set(recorded.identity.type for recorded in profile.identities))
