"""A profile is the same whatever the order in which its batches were merged (PR-013, PR-014)."""

from __future__ import annotations

import random
from functools import reduce

from hypothesis import given
from hypothesis import strategies as st

from idsync.pipeline.profile.documents import read_document, write_document
from idsync.pipeline.profile.merging import MAX_ATTRIBUTES, MAX_DEVICES, merged, reshaped
from idsync.pipeline.profile.record import Device, Period, Scalar, Value, WorkspaceProfile, Written

moments = st.integers(0, 5)
scalars = st.booleans() | st.integers(-2, 2) | st.text(max_size=2)
lists = st.lists(st.text(max_size=1)).map(list[Scalar])
values: st.SearchStrategy[Value] = st.none() | scalars | lists
keys = st.sampled_from("abc")


@st.composite
def told(draw: st.DrawFn, arrival: int) -> WorkspaceProfile:
    def written() -> Written:
        deleted = draw(st.booleans())
        place = draw(st.integers(0, 1_000))
        return Written(draw(moments), arrival, place, None if deleted else draw(values), deleted)

    first, last = sorted((draw(moments), draw(moments)))
    seen = Period(first, last)
    return WorkspaceProfile(
        seen=seen,
        stored_ms=draw(moments),
        inputs={draw(keys): seen},
        attributes={name: written() for name in draw(st.sets(keys))},
        devices={
            name: Device(seen, draw(st.sampled_from([None, written()])), {"ios_idfv": written()})
            for name in draw(st.sets(keys))
        },
        opted_out=draw(st.sampled_from([None, written()])),
    )


histories = st.integers(1, 5).flatmap(lambda n: st.tuples(*(told(arrival) for arrival in range(n))))


def all_of(batches: list[WorkspaceProfile]) -> WorkspaceProfile:
    start: WorkspaceProfile | None = None
    profile = reduce(merged, batches, start)
    assert profile is not None
    return profile


@given(histories, st.randoms())
def test_the_order_of_arrival_does_not_matter(
    history: tuple[WorkspaceProfile, ...], chance: random.Random
) -> None:
    """PR-013: late, early, and twice; through the bytes that are stored."""
    shuffled = [*history, *(each for each in history if chance.random() < 0.5)]
    chance.shuffle(shuffled)

    profile = all_of(list(history))

    assert all_of(shuffled) == profile
    assert read_document(write_document(profile)) == profile


def profile(**attributes: Written) -> WorkspaceProfile:
    return WorkspaceProfile(Period(1, 1), 1, attributes=attributes)


def test_a_deletion_outlives_older_writes() -> None:
    """PR-014: an older write that comes late does not bring the value back; a newer one does."""
    deleted = profile(tier=Written(20, 2, 0, None, is_deleted=True))
    older = profile(tier=Written(10, 3, 0, "gold"))
    newer = profile(tier=Written(30, 1, 0, "silver"))

    assert merged(deleted, older).attributes["tier"].is_deleted
    assert merged(merged(deleted, older), newer).attributes["tier"].value == "silver"


def test_of_one_moment_the_later_arrival_holds() -> None:
    """PR-013."""
    one, two = profile(tier=Written(10, 1, 9, "gold")), profile(tier=Written(10, 2, 0, "silver"))

    assert merged(one, two).attributes["tier"].value == merged(two, one).attributes["tier"].value == "silver"


def test_a_list_is_replaced_as_a_whole_and_a_change_of_shape_is_told() -> None:
    """PR-015."""
    known = profile(likes=Written(10, 1, 0, ["a", "b"]), tier=Written(10, 1, 1, "gold"))
    told = profile(likes=Written(20, 2, 0, "c"), tier=Written(20, 2, 1, "silver"))

    assert merged(known, told).attributes["likes"].value == "c"
    assert (reshaped(known, told), reshaped(None, told)) == (1, 0)


def test_what_one_profile_holds_has_a_bound() -> None:
    """What was written or seen last is kept."""
    known = profile(**{f"a{n}": Written(n, 1, n, n) for n in range(MAX_ATTRIBUTES)})
    devices = {f"d{n}": Device(Period(n, n)) for n in range(MAX_DEVICES + 5)}

    crowded = merged(known, profile(b=Written(MAX_ATTRIBUTES, 2, 0, 1)))
    many = merged(None, WorkspaceProfile(Period(1, 1), 1, devices=devices))

    assert len(crowded.attributes) == MAX_ATTRIBUTES
    assert "a0" not in crowded.attributes
    assert "b" in crowded.attributes
    assert sorted(devices.keys() - many.devices.keys()) == [f"d{n}" for n in range(5)]
