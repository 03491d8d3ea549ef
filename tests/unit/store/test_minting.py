"""Names of new profiles (ID-007)."""

from __future__ import annotations

import secrets

import pytest

from idsync.store.minting import MpidMint
from idsync.testing.clock import ManualClock

EPOCH_MS = 1_577_836_800_000
LOW_BITS = 0x1F_FFFF


@pytest.fixture(params=[b"\x00", b"\xff"], ids=["all zero", "all one"])
def drawn(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    """Have every random bit be the same; gives the low bits of a name."""
    byte: bytes = request.param
    monkeypatch.setattr(secrets, "token_bytes", lambda count: byte * count)
    return LOW_BITS if byte == b"\xff" else 0


def test_a_name_is_the_time_and_random_bits(drawn: int) -> None:
    """The random part never reaches into the time, so that names are in its order."""
    clock = ManualClock()

    name = MpidMint(clock).next()

    assert (name >> 21, name & LOW_BITS) == (clock.now_ms - EPOCH_MS, drawn)


def test_no_name_is_given_twice_whatever_the_clock_does(drawn: int) -> None:
    """It may stand still, be set back, or be before the first moment that has names; no name is 0."""
    clock = ManualClock()
    mint = MpidMint(clock)
    names = [0]

    for now_ms in (0, clock.now_ms, clock.now_ms, clock.now_ms - 1, 0, clock.now_ms + 1):
        clock.now_ms = now_ms
        names += [mint.next() for _ in range(3)]

    assert names == sorted(set(names))


def test_names_go_on_after_the_last_one(drawn: int) -> None:
    """A store that was closed goes on with names that are greater, and no easier to guess."""
    clock = ManualClock()
    last = MpidMint(clock).next() + (1 << 40)

    assert MpidMint(clock, last).next() == last + 1 + (drawn & 0xFF)
