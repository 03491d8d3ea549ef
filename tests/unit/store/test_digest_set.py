"""A set of 64-bit numbers is a set: held against the one of Python, over the cuts of chunks."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idsync.store.embedded import digest_set
from idsync.store.embedded.digest_set import DigestSet

LAST = 2**64 - 1
NUMBERS = st.one_of(st.integers(0, 40), st.integers(0, LAST), st.sampled_from([0, LAST, LAST - 1]))


@pytest.fixture(autouse=True, scope="module")
def _small_chunks() -> object:
    """Cut chunks that a test can fill."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(digest_set, "_CHUNK", 4)
        yield


@given(written=st.lists(NUMBERS), added=st.lists(NUMBERS), asked=st.lists(NUMBERS))
def test_it_holds_what_was_put_in_and_nothing_else(
    written: list[int], added: list[int], asked: list[int]
) -> None:
    """Read in ascending pages, then added to one by one, as at a start and after it."""
    numbers, ascending = DigestSet(), sorted(written)
    for at in range(0, len(ascending), 7):
        numbers.extend(ascending[at : at + 7])
    for number in added:
        numbers.add(number)
    near = [n for m in (*written, *added) for n in (m - 1, m, m + 1) if 0 <= n <= LAST]

    assert [n in numbers for n in (*asked, *near)] == [n in {*written, *added} for n in (*asked, *near)]


@given(one=st.lists(NUMBERS), other=st.lists(NUMBERS))
def test_two_sets_become_one(one: list[int], other: list[int]) -> None:
    """What was added while the tables were read is in what was read, then."""
    numbers, more = DigestSet(), DigestSet()
    for number in one:
        numbers.add(number)
    for number in other:
        more.add(number)

    numbers.update(more)

    assert len(numbers) == len({*one, *other})
    assert all(number in numbers for number in (*one, *other))


def test_chunks_stay_small() -> None:
    """What adding moves is bounded, however many there are."""
    numbers = DigestSet()
    for number in range(1_000):
        numbers.add(number * 7_919 % 1_009)

    sizes = [len(chunk) for chunk in numbers._chunks]
    assert max(sizes) < 8
    assert all(before[-1] < after[0] for before, after in pairwise(numbers._chunks) if before)
