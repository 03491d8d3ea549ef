"""Flags of the query (ID-088 to ID-090, ID-221)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idsync.gateway.flags import Flags, parse_flags


@pytest.mark.parametrize(
    "query", ["read_only=true", "read_only=True", "cb=1&READ_ONLY=TRUE", "read%5Fonly=tru%65"]
)
def test_read_only_is_read_without_regard_to_case(query: str) -> None:
    """ID-090; a write because of a capital letter would be worse than none."""
    assert parse_flags(query.encode()) == Flags(read_only=True)


@pytest.mark.parametrize("query", ["return_matches=false", "return_matches=False", "x&Return_Matches=FALSE"])
def test_matches_can_be_left_out(query: str) -> None:
    """ID-089."""
    assert parse_flags(query.encode()) == Flags(return_matches=False)


@pytest.mark.parametrize(
    "query",
    ["", "cb=1", "read_only", "read_only=", "read_only=1", "read_only=false", "return_matches=true", "%ff=%"],
)
def test_everything_else_is_ignored(query: str) -> None:
    """ID-221: clients add parameters of their own."""
    assert parse_flags(query.encode()) == Flags(read_only=False, return_matches=True)


def test_a_flag_given_twice_asks_for_the_less() -> None:
    flags = parse_flags(b"read_only=true&read_only=false&return_matches=true&return_matches=false")

    assert flags == Flags(read_only=True, return_matches=False)


@given(st.binary())
def test_no_query_is_a_fault(query: bytes) -> None:
    assert isinstance(parse_flags(query), Flags)
