"""Groups wait for company while there is any to be had, and nobody who writes alone waits."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idsync.store.embedded.pace import ALONE_FOR, APART_S, Pace


def test_the_first_group_does_not_wait() -> None:
    assert Pace().wait_s(0.0, 1) == 0


def test_a_group_waits_for_the_rest_of_the_time() -> None:
    pace = Pace()
    pace.left(10.0, 1)
    assert pace.wait_s(10.0005, 1) == pytest.approx(APART_S - 0.0005)


def test_a_slow_disk_makes_nobody_wait() -> None:
    pace = Pace()
    pace.left(10.0, 1)
    assert pace.wait_s(10.0 + APART_S, 40) == 0


def test_who_had_company_waits_again() -> None:
    pace = Pace()
    now_s = 10.0
    pace.left(now_s, 1)
    for _ in range(100):
        assert pace.wait_s(now_s, 3) == pytest.approx(APART_S)
        now_s += APART_S
        pace.left(now_s, 4)


def test_who_was_alone_does_not_wait_for_a_while() -> None:
    pace = Pace()
    pace.left(10.0, 1)
    assert pace.wait_s(10.0, 3)
    pace.left(10.002, 3)
    for number in range(ALONE_FOR):
        assert pace.wait_s(10.002, 1) == 0, number
        pace.left(10.002, 1)
    assert pace.wait_s(10.002, 1)


@given(st.lists(st.tuples(st.floats(0, 0.01), st.integers(1, 50), st.integers(0, 50)), max_size=200))
def test_nobody_ever_waits_longer_than_that(groups: list[tuple[float, int, int]]) -> None:
    """Whatever comes, and whenever: and of those who write alone one in so many at most."""
    pace = Pace()
    now_s, waited_alone = 0.0, 0
    for after_s, entries, company in groups:
        now_s += after_s
        wait_s = pace.wait_s(now_s, entries)
        assert 0 <= wait_s <= APART_S * 1.001
        now_s += wait_s
        waited_alone += bool(wait_s) and not company
        pace.left(now_s, entries + company if wait_s else entries)
    assert waited_alone <= 1 + len(groups) // ALONE_FOR
