"""Speed and acceleration limits (ID-234, ID-240)."""

from __future__ import annotations

from dataclasses import replace

import pytest

from idsync.config.configuration import Limits
from idsync.model.errors import RateLimitedError
from idsync.model.identity import Identity, IdentityType
from idsync.server.admission.caller import OPERATOR, Caller
from idsync.server.admission.limits import Gate, gate_of
from idsync.server.admission.windows import Windows

WEB = Caller(key="web", workspace="shop", scope="retail")
APP = Caller(key="app", workspace="shop", scope="retail")
FEED = Caller(key="crm", workspace="shop", scope="retail", platform="feed")
OTHER = Caller(key="other", workspace="blog", scope="retail")
ED = Identity(IdentityType.EMAIL, "ed@example.com")
HJ = Identity(IdentityType.EMAIL, "hj@example.com")


class Clock:
    now_s = 1_000.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def clock() -> Clock:
    return Clock()


def gate(clock: Clock, limits: Limits) -> Gate:
    built = gate_of(limits, clock)
    assert built is not None
    return built


def refused(gate: Gate, caller: Caller) -> RateLimitedError:
    with pytest.raises(RateLimitedError) as caught:
        gate.admit(caller)
    return caught.value


def test_no_limit_no_gate(clock: Clock) -> None:
    """Off costs nothing."""
    assert gate_of(Limits(), clock) is None


def test_speed_of_a_key(clock: Clock) -> None:
    door = gate(clock, Limits(requests_per_second_per_key=2))
    door.admit(WEB)
    clock.now_s += 0.75
    door.admit(WEB)
    clock.now_s += 0.125

    error = refused(door, WEB)

    assert error.metadata == {"limit": "app"}
    assert error.retry_delay_s == pytest.approx(0.125)
    door.admit(APP)


def test_window_moves(clock: Clock) -> None:
    """Not a fixed second, in whose last and first moment twice as much would pass."""
    door = gate(clock, Limits(requests_per_second_per_key=2))
    door.admit(WEB)
    clock.now_s += 0.9
    door.admit(WEB)
    clock.now_s += 0.1
    door.admit(WEB)

    assert refused(door, WEB).retry_delay_s == pytest.approx(0.9)


def test_refused_calls_do_not_count(clock: Clock) -> None:
    """Whoever waits as told gets in, however often he knocked."""
    door = gate(clock, Limits(requests_per_second_per_key=1))
    door.admit(WEB)
    for _ in range(5):
        refused(door, WEB)
    clock.now_s += 1

    door.admit(WEB)


def test_refusal_on_one_level_costs_nothing_on_others(clock: Clock) -> None:
    door = gate(clock, Limits(requests_per_second_total=2, requests_per_second_per_key=1))
    door.admit(WEB)
    refused(door, WEB)

    door.admit(APP)


@pytest.mark.parametrize(
    ("limits", "callers", "level"),
    [
        (Limits(requests_per_second_total=1), (WEB, OTHER), "org"),
        (Limits(requests_per_second_per_workspace=1), (WEB, APP), "workspace"),
        (Limits(requests_per_second_per_key=1), (WEB, WEB), "app"),
        (Limits(requests_per_second_per_key=1), (FEED, FEED), "feed"),
    ],
)
def test_level_is_named(clock: Clock, limits: Limits, callers: tuple[Caller, Caller], level: str) -> None:
    """The names of ID-234."""
    door = gate(clock, limits)
    door.admit(callers[0])

    assert refused(door, callers[1]).metadata == {"limit": level}


def test_workspaces_are_apart(clock: Clock) -> None:
    door = gate(clock, Limits(requests_per_second_per_workspace=1))
    door.admit(WEB)

    door.admit(OTHER)


def test_operators_are_not_limited(clock: Clock) -> None:
    door = gate(clock, Limits(requests_per_second_total=1))
    door.admit(WEB)

    assert door.admit(OPERATOR) == 0


def test_what_was_counted_when_it_came_is_not_counted_again(clock: Clock) -> None:
    """ID-234: the pipeline works through batches that the limit has let in."""
    door = gate(clock, Limits(requests_per_second_total=1))
    door.admit(WEB)

    assert door.admit(replace(WEB, is_delegate=True)) == 0


def test_use_in_percent(clock: Clock) -> None:
    """ID-234: the largest of all levels."""
    key = gate(clock, Limits(requests_per_second_total=100, requests_per_second_per_key=4))
    total = gate(clock, Limits(requests_per_second_total=4, requests_per_second_per_key=100))

    assert [key.admit(WEB) for _ in range(4)] == [25, 50, 75, 100]
    assert key.admit(APP) == 25
    assert [total.admit(WEB) for _ in range(4)] == [25, 50, 75, 100]


def test_acceleration(clock: Clock) -> None:
    """How far the last second may lie above the average of the last minute."""
    door = gate(clock, Limits(acceleration_per_second_per_key=3))
    for _ in range(3):
        door.admit(WEB)

    error = refused(door, WEB)

    assert error.metadata == {"limit": "acceleration"}
    assert 0 < error.retry_delay_s <= 1


def test_steady_growth_is_no_acceleration(clock: Clock) -> None:
    """Two a second for a minute raise the average by two."""
    door = gate(clock, Limits(acceleration_per_second_per_key=3))
    for _ in range(60):
        for _ in range(2):
            door.admit(WEB)
        clock.now_s += 1

    for _ in range(5):
        door.admit(WEB)
    assert refused(door, WEB).metadata == {"limit": "acceleration"}


def test_minute_is_forgotten(clock: Clock) -> None:
    door = gate(clock, Limits(acceleration_per_second_per_key=3))
    for _ in range(60):
        for _ in range(2):
            door.admit(WEB)
        clock.now_s += 1
    clock.now_s += 60

    for _ in range(3):
        door.admit(WEB)
    refused(door, WEB)


def test_hot_identity(clock: Clock) -> None:
    """ID-240: one user alone, whoever asks; the others are served."""
    door = gate(clock, Limits(requests_per_second_per_identity=2))
    door.admit_identities([ED])
    door.admit_identities([ED])

    with pytest.raises(RateLimitedError) as caught:
        door.admit_identities([HJ, ED])

    assert caught.value.metadata == {"limit": "system"}
    assert "ed@example.com" not in str(caught.value)
    door.admit_identities([HJ])
    door.admit_identities([HJ])


def test_same_value_of_another_type_is_another(clock: Clock) -> None:
    door = gate(clock, Limits(requests_per_second_per_identity=1))
    door.admit_identities([ED])

    door.admit_identities([Identity(IdentityType.OTHER, ED.value)])


def test_counters_hold_no_value(clock: Clock) -> None:
    """Keyed hashes only: memory dumps and logs of the limiter name nobody."""
    door = gate(clock, Limits(requests_per_second_per_identity=1))
    door.admit_identities([ED])

    assert ED.value not in repr(vars(door._windows))


def test_keys_are_forgotten(clock: Clock) -> None:
    """A key for each identity must not stay."""
    windows = Windows(clock)
    for number in range(1_000):
        windows.acquire_entry(f"key-{number}", 1, 1)
    clock.now_s += 2

    windows.acquire_entry("key", 1, 1)

    assert len(windows) == 1
