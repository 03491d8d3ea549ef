"""Expectations against answers: what counts as a difference."""

from __future__ import annotations

from typing import Any

import pytest

from idsync.testing.scenario.comparing import compare, compare_record, compare_source
from idsync.testing.scenario.surface import Answer, Observed, Refusal, ShownProfile
from idsync.testing.scenario.symbols import Symbols

REFUSAL = Refusal(400, "LOOKUP_ERROR", "no")


@pytest.fixture
def symbols() -> Symbols:
    symbols = Symbols()
    symbols.bind("$A", 1)
    symbols.bind("$B", 2)
    return symbols


@pytest.mark.parametrize(
    ("expect", "observed"),
    [
        ({}, Answer()),
        ({"mpid": "$A"}, Answer(mpid=1)),
        ({"matched_identities": None}, Answer(mpid=1, matched=None)),
        ({"matched_identities": {"email": "a"}}, Answer(matched={"email": "a"})),
        ({"is_logged_in": False}, Answer(is_logged_in=False)),
        (
            {
                "change_results": [
                    {"identity_type": "email", "modified_mpid": "$A"},
                    {"identity_type": "email", "modified_mpid": "$B"},
                ]
            },
            Answer(changes=(("email", 2), ("email", 1))),
        ),
        ({"error": {"http_status": 400}}, REFUSAL),
        ({"error": {"http_status": 400, "code": "LOOKUP_ERROR"}}, REFUSAL),
    ],
)
def test_what_is_expected_is_no_difference(
    expect: dict[str, Any], observed: Observed, symbols: Symbols
) -> None:
    assert compare(expect, observed, symbols) == []


@pytest.mark.parametrize(
    ("expect", "observed", "member"),
    [
        ({}, REFUSAL, "answer"),
        ({"mpid": "$A"}, Answer(mpid=2), "mpid"),
        ({"mpid": "$A"}, Answer(), "mpid"),
        ({"mpid": "$C"}, Answer(mpid=1), "mpid"),
        ({"mpid": "$C"}, Answer(), "mpid"),
        ({"matched_identities": None}, Answer(matched={}), "matched_identities"),
        ({"matched_identities": {}}, Answer(matched=None), "matched_identities"),
        ({"matched_identities": {}}, Answer(matched={"email": "a"}), "matched_identities"),
        ({"is_logged_in": False}, Answer(is_logged_in=None), "is_logged_in"),
        ({"is_ephemeral": True}, Answer(is_ephemeral=False), "is_ephemeral"),
        ({"http_status": 202}, Answer(status=200), "http_status"),
        ({"change_results": []}, Answer(changes=None), "change_results"),
        (
            {"change_results": [{"identity_type": "email", "modified_mpid": "$A"}]},
            Answer(changes=(("email", 1), ("email", 1))),
            "change_results",
        ),
        ({"error": {"http_status": 400}}, Answer(mpid=1), "error"),
        ({"error": {"http_status": 404}}, REFUSAL, "error"),
        ({"error": {"http_status": 400, "code": "INVALID_DATA"}}, REFUSAL, "error"),
        ({"error": {"http_status": 400}}, Refusal(400, None, "", wrote=True), "error"),
        ({"error": {"http_status": 400}}, Refusal(400, None, "", besides=("mpid",)), "error"),
    ],
)
def test_anything_else_is_a_difference(
    expect: dict[str, Any], observed: Observed, member: str, symbols: Symbols
) -> None:
    assert [difference.member for difference in compare(expect, observed, symbols)] == [member]


def test_a_new_symbol_is_bound_to_a_new_profile_only(symbols: Symbols) -> None:
    compare({"mpid": "$C"}, Answer(mpid=2), symbols)
    assert "$C" not in symbols

    compare({"mpid": "$C"}, Answer(mpid=3), symbols)

    assert symbols["$C"] == 3


@pytest.mark.parametrize(
    ("expected", "record", "same"),
    [
        ({"email": ["a", "b"]}, {"email": ("b", "a")}, True),
        ({"email": ["b", "a"]}, {"email": ("a", "b")}, True),
        ({}, {}, True),
        ({"email": ["a"]}, {"email": ("a", "a")}, False),
        ({"email": ["a"]}, {"email": ("a",), "ios_idfv": ("v",)}, False),
        ({"email": ["a"]}, {}, False),
    ],
)
def test_a_record_is_compared_completely_in_any_order(
    expected: dict[str, list[str]], record: dict[str, tuple[str, ...]], same: bool
) -> None:
    difference = compare_record("$A", expected, ShownProfile(record, None, ()))

    assert (difference is None) == same


@pytest.mark.parametrize(
    ("expected", "source", "same"),
    [("$A", 1, True), (None, None, True), ("$A", 2, False), (None, 1, False), ("$A", None, False)],
)
def test_a_source_is_compared_too(
    expected: str | None, source: int | None, same: bool, symbols: Symbols
) -> None:
    difference = compare_source(expected, ShownProfile({}, source, ()), symbols)

    assert (difference is None) == same


def test_a_profile_that_is_not_there_has_no_record_and_no_source(symbols: Symbols) -> None:
    assert compare_record("$A", {}, None) is not None
    assert compare_source(None, None, symbols) is not None
