"""What is sent again, how often, and after which wait; on a clock that only waiting turns."""

from __future__ import annotations

import grpc
import pytest
from google.protobuf.duration_pb2 import Duration
from google.rpc.error_details_pb2 import ErrorInfo, RetryInfo

from idsync.client import AsyncClient, GrpcTransport, RetryPolicy
from idsync.client.retry_policy import BRIEFLY
from idsync.model.errors import DeadlineExceededError, ForbiddenError, RateLimitedError, UnavailableError
from idsync.v1 import identity_service_pb2 as identity
from tests.unit.client.conftest import Clock
from tests.unit.client.peer import Peer, Refusal, Silence


def busy(delay_s: float | None = None) -> Refusal:
    """What the service says when it cannot answer now."""
    details = [ErrorInfo(reason="UNAVAILABLE", domain="idsync")]
    if delay_s is None:
        return Refusal(grpc.StatusCode.UNAVAILABLE, "busy", *details)
    delay = Duration()
    delay.FromNanoseconds(int(delay_s * 1e9))
    return Refusal(grpc.StatusCode.UNAVAILABLE, "busy", *details, RetryInfo(retry_delay=delay))


async def test_a_safe_call_is_sent_again(client: AsyncClient, peer: Peer, clock: Clock) -> None:
    """ID-042: an identify may be repeated; the caller sees the answer only."""
    peer.answers.extend([busy(), busy(), identity.IdentifyResponse(mpid=5)])

    response = await client.identify(identity.IdentifyRequest())

    assert response.mpid == 5
    assert [seen.rpc for seen in peer.seen] == ["Identify"] * 3


async def test_waits_double_up_to_two_seconds(client: AsyncClient, peer: Peer, clock: Clock) -> None:
    """Where the service names no wait; who waits for longer comes back long after the service has."""
    peer.answers.extend([busy()] * 7)

    await client.identify(identity.IdentifyRequest())

    assert clock.waits_s == pytest.approx([0.1, 0.2, 0.4, 0.8, 1.6, 2.0, 2.0])


@pytest.mark.parametrize("delay_s", [None, 1.0])
async def test_an_outage_of_45_seconds_is_outlived(
    client: AsyncClient, peer: Peer, clock: Clock, delay_s: float | None
) -> None:
    """By the usual policy and the usual deadline; and the caller is back within 2 s after the end."""
    begun_s = clock()
    peer.outage = lambda: busy(delay_s) if clock() - begun_s < 45.0 else None

    await client.identify(identity.IdentifyRequest())

    assert 45.0 <= clock() - begun_s <= 47.0


async def test_the_service_is_given_the_time_it_asks_for(
    client: AsyncClient, peer: Peer, clock: Clock
) -> None:
    """RetryInfo is honoured; a wait that has grown beyond it stays."""
    peer.answers.extend([busy(0.25), busy(3.0), busy(0.25)])

    await client.identify(identity.IdentifyRequest())

    assert clock.waits_s == pytest.approx([0.25, 3.0, 0.4])


async def test_jitter_adds_up_to_a_quarter(address: str, peer: Peer, clock: Clock) -> None:
    """Many clients that were turned away at once do not come back at once, and none of them early."""
    peer.answers.append(busy(2.0))
    async with AsyncClient(
        GrpcTransport(address), retry=RetryPolicy(clock=clock, jitter=lambda: 1.0)
    ) as client:
        await client.identify(identity.IdentifyRequest())

    assert clock.waits_s == pytest.approx([2.5])


async def test_patience_is_limited_by_time(address: str, peer: Peer, clock: Clock) -> None:
    """No wait is begun that would pass it, however far off the deadline; the error counts the attempts."""
    peer.answers.extend([busy(1.0)] * 9)
    policy = RetryPolicy(patience_s=3.5, clock=clock, jitter=lambda: 0.0)
    async with AsyncClient(GrpcTransport(address), timeout_s=None, retry=policy) as client:
        with pytest.raises(UnavailableError) as caught:
            await client.identify(identity.IdentifyRequest())

    assert clock.waits_s == [1.0, 1.0, 1.0]
    assert caught.value.attempts == len(peer.seen) == 4


async def test_patience_is_a_minute(address: str, peer: Peer, clock: Clock, patience: RetryPolicy) -> None:
    """Also for calls that have any time."""
    peer.answers.extend([busy(1.0)] * 100)
    async with AsyncClient(GrpcTransport(address), timeout_s=None, retry=patience) as client:
        with pytest.raises(UnavailableError):
            await client.identify(identity.IdentifyRequest())

    assert 58.0 <= sum(clock.waits_s) <= 60.0


async def test_waits_stay_numbers(address: str, peer: Peer, clock: Clock) -> None:
    """Doubled some thousand times a number is none any more."""
    peer.answers.extend([busy()] * 1_100)
    policy = RetryPolicy(patience_s=1e9, clock=clock, jitter=lambda: 0.0)
    async with AsyncClient(GrpcTransport(address), timeout_s=None, retry=policy) as client:
        await client.identify(identity.IdentifyRequest())

    assert len(clock.waits_s) == 1_100


async def test_attempts_can_be_bounded(address: str, peer: Peer, clock: Clock) -> None:
    """For whoever has somebody waiting; the error says how many there were."""
    peer.answers.extend([busy(0.1)] * 9)
    policy = RetryPolicy(attempts=BRIEFLY.attempts, clock=clock, jitter=lambda: 0.0)
    async with AsyncClient(GrpcTransport(address), retry=policy) as client:
        with pytest.raises(UnavailableError) as caught:
            await client.identify(identity.IdentifyRequest())

    assert caught.value.attempts == len(peer.seen) == 5


async def test_an_unsafe_call_is_sent_once(client: AsyncClient, peer: Peer, clock: Clock) -> None:
    """Nobody knows whether a lost modify took effect."""
    peer.answers.extend([busy(0.1)] * 2)

    with pytest.raises(UnavailableError) as caught:
        await client.modify(identity.ModifyRequest())

    assert (caught.value.attempts, len(peer.seen), clock.waits_s) == (1, 1, [])


async def test_an_idempotency_key_makes_a_call_safe(client: AsyncClient, peer: Peer) -> None:
    """The same key, the same request: the effect is had once."""
    peer.answers.append(busy(0.1))

    await client.modify(identity.ModifyRequest(idempotency_key="k1"))

    assert [seen.request for seen in peer.seen] == [identity.ModifyRequest(idempotency_key="k1")] * 2


@pytest.mark.parametrize("reason", ["TOO_MANY_REQUESTS", "FORBIDDEN"])
async def test_only_unavailability_is_tried_again(reason: str, client: AsyncClient, peer: Peer) -> None:
    """A throttled client that insists is throttled for longer; other answers would not change."""
    wait = RetryInfo(retry_delay=Duration(seconds=1))
    peer.answers.append(
        Refusal(grpc.StatusCode.UNAVAILABLE, "no", ErrorInfo(reason=reason, domain="idsync"), wait)
    )

    with pytest.raises((RateLimitedError, ForbiddenError)):
        await client.identify(identity.IdentifyRequest())

    assert len(peer.seen) == 1


async def test_another_error_ends_the_attempts(client: AsyncClient, peer: Peer) -> None:
    """The last answer is the one the caller gets."""
    wait = RetryInfo(retry_delay=Duration(seconds=1))
    peer.answers.extend([busy(0.1), Refusal(grpc.StatusCode.RESOURCE_EXHAUSTED, "slow", wait)])

    with pytest.raises(RateLimitedError) as caught:
        await client.identify(identity.IdentifyRequest())

    assert caught.value.attempts == len(peer.seen) == 2


async def test_a_wait_of_zero_is_advice_not_to_try_again(client: AsyncClient, peer: Peer) -> None:
    """`retry_delay_s` is 0 where another attempt would not help."""
    peer.answers.append(busy(0.0))

    with pytest.raises(UnavailableError):
        await client.identify(identity.IdentifyRequest())

    assert len(peer.seen) == 1


async def test_the_deadline_is_one_for_all_attempts(client: AsyncClient, peer: Peer, clock: Clock) -> None:
    """Each attempt has the time the ones before have left."""
    peer.answers.append(busy(40.0 / 2))

    await client.identify(identity.IdentifyRequest(), timeout_s=60)

    first, second = (seen.left_s for seen in peer.seen)
    assert first is not None
    assert second is not None
    assert 50 < first < 65
    assert 30 < second < 42


async def test_a_wait_that_would_pass_the_deadline_is_not_begun(
    client: AsyncClient, peer: Peer, clock: Clock
) -> None:
    """The caller learns at once what it would learn at its deadline, and the better reason."""
    peer.answers.extend([busy(6.0)] * 2)

    with pytest.raises(UnavailableError) as caught:
        await client.identify(identity.IdentifyRequest(), timeout_s=10)

    assert (caught.value.attempts, clock.waits_s) == (2, [6.0])


async def test_a_long_wait_is_left_to_the_caller(client: AsyncClient, peer: Peer, clock: Clock) -> None:
    """A peer cannot make a client wait for ever."""
    peer.answers.append(busy(61.0))

    with pytest.raises(UnavailableError) as caught:
        await client.identify(identity.IdentifyRequest(), timeout_s=3600)

    assert (caught.value.retry_delay_s, clock.waits_s) == (61.0, [])


async def test_a_later_attempt_can_meet_the_deadline(client: AsyncClient, peer: Peer, clock: Clock) -> None:
    """Silence after a first refusal is a deadline that passed, in the second attempt."""
    peer.answers.extend([busy(25.0), Silence()])

    with pytest.raises(DeadlineExceededError) as caught:
        await client.identify(identity.IdentifyRequest(), timeout_s=25.05)

    assert caught.value.attempts == 2


async def test_a_policy_of_one_attempt_never_repeats(address: str, peer: Peer) -> None:
    """Whoever repeats by itself can switch ours off."""
    peer.answers.append(busy(0.1))
    async with AsyncClient(GrpcTransport(address), retry=RetryPolicy(attempts=1)) as client:
        with pytest.raises(UnavailableError):
            await client.identify(identity.IdentifyRequest())

    assert len(peer.seen) == 1
