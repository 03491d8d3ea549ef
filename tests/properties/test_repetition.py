"""The same call twice, and the same call in other words."""

from __future__ import annotations

import asyncio
from dataclasses import fields, is_dataclass, replace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from idsync.model.changes import Modification, Outcome, Resolution
from idsync.model.request import Operation
from idsync.resolve.resolver import Scope
from idsync.testing.graph_image import GraphImage, graph_image
from idsync.testing.player import Answer, Player, Refusal
from idsync.testing.traffic import (
    Call,
    Delay,
    Deletion,
    Modifying,
    Resolving,
    modifyings,
    resolvings,
    traffic,
)
from tests.properties.playing import any_scope, memory_player

NEW_PROFILE_ON_LOGOUT = {"default", "profile_conversion", "profile_link"}


@given(any_scope, traffic(), resolvings())
def test_the_same_call_twice_gives_the_same_profile_and_writes_once(
    scope: Scope, calls: list[Call], call: Resolving
) -> None:
    """ID-042, with the exceptions that the rules make.

    Logout of default, conversion and link makes a profile each time (ID-103, ID-124); and a new profile that
    could take none of the identities cannot be found by them again (ID-026, ID-072, ID-076).
    """
    if call.operation is Operation.LOGOUT and scope.strategy.name in NEW_PROFILE_ON_LOGOUT:
        return

    async def run(player: Player) -> None:
        await player.play_all(calls)
        first = await player.play(call)
        between = await graph_image(player.store, call.graph)
        second = await player.play(call)

        if not _is_orphan(first, between):
            assert _gist(second) == _gist(first)
            assert await graph_image(player.store, call.graph) == between

    asyncio.run(run(memory_player(scope)))


@given(any_scope, traffic())
def test_a_repeated_modify_changes_nothing(scope: Scope, calls: list[Call]) -> None:
    """Idempotent by nature, without any key (ID-042)."""

    async def run(player: Player) -> None:
        for call in calls:
            await player.play(call)
            if isinstance(call, Modifying):
                before = await graph_image(player.store, call.graph)
                await player.play(call)
                assert await graph_image(player.store, call.graph) == before

    asyncio.run(run(memory_player(scope)))


@given(any_scope, traffic(), resolvings().filter(lambda call: call.operation is Operation.LOGOUT))
def test_a_key_makes_the_second_sending_of_a_logout_harmless(
    scope: Scope, calls: list[Call], call: Resolving
) -> None:
    """The same answer comes again, whatever happened in between; erasure takes values out of it, no more."""
    sent = replace(call, read_only=False, previous=None, idempotency_key="of this logout alone")
    erases = any(isinstance(other, Deletion | Delay) for other in calls)

    async def run(player: Player) -> None:
        first = await player.play(sent)
        await player.play_all(calls)
        before = await graph_image(player.store, sent.graph)
        second = await player.play(sent)

        assert _gist(second) == _gist(first)
        assert erases or second == first
        assert await graph_image(player.store, sent.graph) == before

    asyncio.run(run(memory_player(scope)))


@given(any_scope, traffic(), modifyings())
def test_a_key_makes_the_second_sending_of_a_modify_harmless(
    scope: Scope, calls: list[Call], call: Modifying
) -> None:
    """If the first one changed something, the second changes nothing, whatever happened in between."""
    sent = replace(call, idempotency_key="of this modify alone")

    async def run(player: Player) -> None:
        await player.play_all(calls)
        ordinal = player.ordinal(sent.target)
        first = await player.play(replace(sent, target=ordinal))
        await player.play_all(calls)
        before = await graph_image(player.store, sent.graph)
        second = await player.play(replace(sent, target=ordinal))

        if isinstance(first, Modification) and first.journal_seq:
            assert isinstance(second, Modification)
            assert second.journal_seq == first.journal_seq
            assert set(second.results) <= set(first.results)
            assert await graph_image(player.store, sent.graph) == before

    asyncio.run(run(memory_player(scope)))


@given(any_scope, traffic(), st.data())
def test_the_order_of_identities_in_a_request_does_not_matter(
    scope: Scope, calls: list[Call], data: st.DataObject
) -> None:
    """Answers, records and the journal are the same, but for the order of what came together."""
    shuffled = [_shuffled(call, data) if isinstance(call, Resolving) else call for call in calls]

    async def run(calls: list[Call]) -> Any:
        player = memory_player(scope)
        return _orderless(await player.outcome(await player.play_all(calls)))

    assert asyncio.run(run(calls)) == asyncio.run(run(shuffled))


def _shuffled(call: Resolving, data: st.DataObject) -> Resolving:
    return replace(call, identities=dict(data.draw(st.permutations(list(call.identities.items())))))


def _gist(answer: Answer) -> object:
    if isinstance(answer, Refusal):
        return answer
    assert isinstance(answer, Resolution)
    return answer.mpid, answer.is_logged_in, answer.is_ephemeral


def _is_orphan(answer: Answer, image: GraphImage) -> bool:
    return (
        isinstance(answer, Resolution)
        and answer.outcome is Outcome.CREATED
        and not image.profiles[answer.mpid].identities
    )


def _orderless(value: Any) -> Any:
    """Make what came together comparable whatever its order: values, changes, notices."""
    if isinstance(value, list | tuple):
        parts = [_orderless(part) for part in value]
        return parts if hasattr(value, "_fields") else sorted(parts, key=repr)
    if isinstance(value, dict):
        return {key: _orderless(part) for key, part in value.items()}
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: _orderless(getattr(value, field.name)) for field in fields(value)}
    return value
