"""Marked values: new for every run, and still as equal, different, blank or long as they were."""

from __future__ import annotations

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from idsync.model.identity import IdentityType
from idsync.model.values import absence, max_chars
from idsync.testing.scenario.case import Case
from idsync.testing.scenario.marking import marked_case, marked_value
from tests.conformance.vectors import STORIES
from tests.unit.testing.scenario.stories import read, story

TYPES = st.sampled_from(sorted(IdentityType))
VALUES = st.text(max_size=300)
MARK = "r0123456789c17"


@given(TYPES, VALUES, VALUES)
def test_values_stay_equal_or_different(identity_type: IdentityType, one: str, other: str) -> None:
    """Comparison is exact (ID-023), so marking must neither join nor part."""
    name = identity_type.wire_name

    assert (marked_value(name, one, MARK) == marked_value(name, other, MARK)) == (one == other)


@given(TYPES, VALUES)
def test_every_value_that_counts_becomes_one_of_this_run(identity_type: IdentityType, value: str) -> None:
    """Nothing blank, opted out or too long becomes anything else, and nothing becomes one of them."""
    marked = marked_value(identity_type.wire_name, value, MARK)
    counts = absence(identity_type, value) is None
    fits = len(value) <= max_chars(identity_type)

    assert (MARK in marked) == (counts and fits) or MARK in value
    assert (absence(identity_type, marked) is None) == counts
    assert (len(marked) <= max_chars(identity_type)) == fits


def test_what_could_be_trimmed_stays_at_the_ends() -> None:
    """Blanks, NUL and accents keep their place, so that a service that drops them is found out."""
    assert marked_value("email", " a \0\n", MARK) == f" a{MARK} \0\n"
    assert marked_value("email", "e\u0301", MARK) == f"e\u0301{MARK}"


def test_a_value_at_the_limit_stays_there() -> None:
    one, other = "x" * 256, "x" * 255 + "y"

    marked = {marked_value("email", value, MARK) for value in (one, other)}

    assert len(marked) == 2
    assert {len(value) for value in marked} == {256}


def test_what_is_no_value_stays_as_it_is() -> None:
    """It is refused or left out for what it is."""
    for name, value in [
        ("email", None),
        ("email", 5),
        ("email", "  "),
        ("ios_idfa", "00000000-0000"),
        ("email", "x" * 257),
        ("shoe", "44"),
    ]:
        assert marked_value(name, value, MARK) is value


def test_requests_and_expectations_are_marked_alike(tmp_path: Path) -> None:
    changes = [((("steps", 0, "expect", "matched_identities")), {"ios_idfv": "d1"})]
    case = marked_case(read(tmp_path, story(*changes)), MARK)

    first, second, third = case.steps[:3]
    assert first.request["known_identities"] == {"ios_idfv": f"d1{MARK}"}
    assert first.expect["matched_identities"] == {"ios_idfv": f"d1{MARK}"}
    assert second.expect["profiles"]["$B"] == {"customerid": [f"c1{MARK}"], "ios_idfv": [f"d1{MARK}"]}
    assert second.request["previous_mpid"] == "$A"
    assert third.request["identity_changes"] == [
        {"identity_type": "email", "old_value": None, "new_value": f"a@example.com{MARK}"}
    ]


def test_malformed_requests_are_marked_as_far_as_they_go() -> None:
    """No vector breaks the marking; `null` for all matches stays."""
    assert all(isinstance(marked_case(case, MARK), Case) for case in STORIES)
