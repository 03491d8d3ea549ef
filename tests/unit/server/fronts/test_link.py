"""Frames survive whatever cuts the socket makes, and what is no frame ends the connection."""

from __future__ import annotations

import asyncio
from random import Random
from typing import Any

import pytest

from idsync.server.fronts.frames import HEADER, Kind
from idsync.server.fronts.link import Link
from idsync.server.fronts.patience import TURNS, Patience


class Wire(asyncio.Transport):
    """Keeps what is written."""

    def __init__(self) -> None:
        super().__init__()
        self.written: list[bytes] = []
        self.closed = False

    def write(self, data: Any) -> None:
        self.written.append(bytes(data))

    def close(self) -> None:
        self.closed = True

    def is_closing(self) -> bool:
        return self.closed


class Heard(Link):
    """A link that keeps what it hears."""

    def __init__(self, most_bytes: int = 1_000_000, patience: Patience | None = None) -> None:
        self.heard: list[tuple[Kind, int, bytes]] = []
        super().__init__({kind: self._keep(kind) for kind in (Kind.CALL, Kind.MESSAGE)}, most_bytes, patience)
        self.wire = Wire()
        self.connection_made(self.wire)

    def _keep(self, kind: Kind) -> Any:
        return lambda number, data, start, end: self.heard.append((kind, number, data[start:end]))


FRAMES = [
    (Kind.CALL, 1, b"one"),
    (Kind.MESSAGE, 2, b""),
    (Kind.CALL, 2**32 - 1, b"x" * 50_000),
    (Kind.MESSAGE, 0, b"\x00" * 9),
]


def on_the_wire(frames: list[tuple[Kind, int, bytes]]) -> bytes:
    return b"".join(HEADER.pack(len(body), kind, number) + body for kind, number, body in frames)


@pytest.mark.parametrize("size", [1, 2, 8, 9, 10, 4_096, 1_000_000])
async def test_cut_anywhere(size: int) -> None:
    link = Heard()
    data = on_the_wire(FRAMES)
    for at in range(0, len(data), size):
        link.data_received(data[at : at + size])

    assert link.heard == FRAMES


async def test_cut_at_random() -> None:
    link, random = Heard(), Random(7)
    rest = on_the_wire(FRAMES * 20)
    while rest:
        cut = random.choice([1, 3, 9, 100, 30_000, 120_000])
        link.data_received(rest[:cut])
        rest = rest[cut:]

    assert link.heard == FRAMES * 20


@pytest.mark.parametrize(
    "data",
    [HEADER.pack(1_001, Kind.CALL, 1), HEADER.pack(1, 200, 1) + b"x", HEADER.pack(1, Kind.ANSWER, 1) + b"x"],
    ids=["too large", "no such kind", "not for this end"],
)
async def test_what_is_no_frame_ends_it(data: bytes) -> None:
    link = Heard(most_bytes=1_000)
    link.data_received(on_the_wire([FRAMES[0]]) + data + on_the_wire([FRAMES[1]]))

    assert link.heard == [FRAMES[0]]
    assert link.wire.closed


async def _turns(count: int) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


async def test_all_of_a_turn_goes_in_one_write() -> None:
    """What one system call can do is not done by three."""
    link = Heard()
    for kind, number, body in FRAMES:
        link.send(kind, number, body[:1], body[1:])
    await _turns(2)

    assert link.wire.written == [on_the_wire(FRAMES)]


async def test_patience_gathers_what_comes_in_the_next_turns() -> None:
    link = Heard(patience=Patience())
    for kind, number, body in FRAMES:
        link.send(kind, number, body)
        await _turns(2)
    await _turns(TURNS)

    assert link.wire.written == [on_the_wire(FRAMES)]


async def test_closing_sends_what_waits() -> None:
    link = Heard(patience=Patience())
    link.send(*FRAMES[0])
    link.close()

    assert link.wire.written == [on_the_wire([FRAMES[0]])]
    assert link.wire.closed


class TestPatience:
    def test_a_lone_caller_is_soon_sent_at_once(self) -> None:
        """Waiting for others costs him time, so it is tried seldom where it is in vain."""
        patience = Patience()
        waits = []
        for _ in range(1_000):
            waits.append(patience.turns() > 0)
            patience.sent(1)

        assert waits[0]
        assert sum(waits) < 25
        assert any(waits[-100:])

    def test_as_long_as_it_pays_it_is_kept(self) -> None:
        patience = Patience()
        for number in range(1_000):
            assert patience.turns() == TURNS
            patience.sent(1 if number % 3 else 4)
