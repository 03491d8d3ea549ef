"""Lines about the same person go in file order; all others do not wait for each other."""

from __future__ import annotations

import asyncio

from idsync.client.replay import Line
from idsync.client.replay.order import INHERITED_FROM, Order
from idsync.v1 import identity_service_pb2 as pb


def line(number: int, *ties: str, refers_to: int | None = None, call: str = "identify") -> Line:
    """Make a line with these ties."""
    reference = set() if refers_to is None else {("line", refers_to)}
    return Line(number, call, pb.IdentifyRequest(), refers_to, frozenset(ties) | reference)


class Road:
    """An order, and a call under way for each line that was begun."""

    def __init__(self) -> None:
        self.order = Order()
        self.tasks: dict[int, asyncio.Task[None]] = {}
        self._ties: dict[int, frozenset[object]] = {}

    def begin(self, begun: Line) -> set[int]:
        """Begin a line; say which lines it has to wait for."""
        ties = self.order.ties(begun)
        earlier = self.order.earlier(ties)
        task = asyncio.create_task(asyncio.sleep(0))
        self.order.begin(ties, task)
        waits_for = {number for number, each in self.tasks.items() if each in earlier}
        self.tasks[begun.number], self._ties[begun.number] = task, ties
        return waits_for

    def end(self, number: int) -> None:
        """End a line's call."""
        self.order.end(self._ties[number], self.tasks[number])


async def test_a_line_waits_for_the_latest_one_with_each_of_its_ties() -> None:
    """The latest waited for those before it."""
    road = Road()

    assert road.begin(line(1, "a")) == set()
    assert road.begin(line(2, "b")) == set()
    assert road.begin(line(3, "a", "c")) == {1}
    assert road.begin(line(4, "a", "b")) == {2, 3}


async def test_a_line_that_is_done_holds_up_nobody() -> None:
    """And nothing of it is kept among the calls under way."""
    road = Road()
    road.begin(line(1, "a"))
    road.end(1)

    assert road.begin(line(2, "a")) == set()
    road.end(2)
    assert road.order._latest == {}


async def test_the_end_of_an_earlier_line_does_not_free_the_way_past_a_later_one() -> None:
    """Line 3 follows line 2, whatever becomes of line 1."""
    road = Road()
    road.begin(line(1, "a"))
    road.begin(line(2, "a"))
    road.end(1)

    assert road.begin(line(3, "a")) == {2}


async def test_a_line_waits_for_the_line_it_refers_to_and_those_that_refer_to_it_too() -> None:
    """Two lines that mean the same answer are about the same person."""
    road = Road()
    road.begin(line(1, "a"))

    assert road.begin(line(2, "b", refers_to=1)) == {1}
    assert road.begin(line(3, "c", refers_to=1)) == {2}
    assert road.begin(line(4, "d", refers_to=2)) == {2}


async def test_a_modify_is_about_the_identities_of_the_line_it_refers_to() -> None:
    """Even if that line is done: the next call of the same device must see the change."""
    road = Road()
    road.begin(line(1, "device"))
    road.end(1)
    road.begin(line(2, "new-email", refers_to=1, call="modify"))

    assert road.begin(line(3, "device")) == {2}


async def test_the_identities_of_lines_are_remembered_for_so_long() -> None:
    """What is kept of the past is bounded, whichever lines were blank."""
    road = Road()
    for number in (1, 2, 4, INHERITED_FROM, INHERITED_FROM + 3):
        road.begin(line(number, f"device-{number}"))
        road.end(number)

    assert sorted(road.order._recent) == [4, INHERITED_FROM, INHERITED_FROM + 3]
