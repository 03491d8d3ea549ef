"""MPIDs are read exactly, or not at all (ID-007)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idsync.gateway.mpids import parse_mpid

INT64 = st.integers(-(2**63), 2**63 - 1)


@given(INT64)
def test_text_and_number_are_the_same_mpid(mpid: int) -> None:
    """ID-007: a decimal string or a JSON integer, negative ones too, to the last digit."""
    assert parse_mpid(mpid) == parse_mpid(str(mpid)) == mpid


@given(st.integers(min_value=2**63) | st.integers(max_value=-(2**63) - 1))
def test_more_than_64_bits_are_refused(number: int) -> None:
    """ID-233: not a signed 64-bit integer, however it is written."""
    assert parse_mpid(number) is None
    assert parse_mpid(str(number)) is None


@pytest.mark.parametrize(
    "value",
    [
        "",
        " 12",
        "12 ",
        "12\n",
        "+5",
        "-",
        "-0",
        "007",
        "1e3",
        "1.0",
        "0x1f",
        "1_000",
        "abc",
        "\uff11\uff12",
        "\u0663",
        "9223372036854775808",
        "-9223372036854775809",
        1.0,
        1e3,
        True,
        False,
        None,
        [],
        {},
        ["1"],
    ],
)
def test_nothing_else_is_an_mpid(value: object) -> None:
    """ID-233: only the spelling that the service itself writes, and no other type."""
    assert parse_mpid(value) is None


@given(st.text())
def test_any_text_is_the_canonical_one_or_refused(text: str) -> None:
    """Two spellings never mean one MPID."""
    mpid = parse_mpid(text)

    assert mpid is None or str(mpid) == text
