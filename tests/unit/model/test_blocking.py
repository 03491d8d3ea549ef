"""Which values count as not sent where a scope blocks some."""

from __future__ import annotations

import re
import time

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from idsync.model.blocking import MAX_ENTRY_CHARS, SHIPPED_EMAILS, SHIPPED_WORDS, BlockedValues, entry_fault
from idsync.model.identity import IdentityType

T = IdentityType
SHIPPED = BlockedValues()


def own(*entries: str, kind: IdentityType | None = None, shipped: bool = False) -> BlockedValues:
    return BlockedValues(shipped, {kind: entries})


@pytest.mark.parametrize(
    "value",
    [
        "null",
        "NULL",
        "Undefined",
        ' "null" ',
        "'unknown'",
        "\u201cnone\u201d",
        "\tanonymous\n",
        "N/A",
        '""',
        "0",
        "0000",
        "00000000-0000-0000-0000-000000000000",
        "+000000",
        "(NULL)",
    ],
)
@pytest.mark.parametrize("kind", [T.CUSTOMERID, T.EMAIL, T.IOS_IDFV])
def test_the_shipped_list_holds_for_every_type(kind: IdentityType, value: str) -> None:
    assert SHIPPED.blocks(kind, value)
    assert not own().blocks(kind, value)


@pytest.mark.parametrize(
    "value", ["c-1", "nullified", "100", "a0", "-1", "nobody", "none of your business", "10:00"]
)
@pytest.mark.parametrize("kind", [T.CUSTOMERID, T.EMAIL, T.IOS_IDFV])
def test_it_leaves_what_only_looks_like_it(kind: IdentityType, value: str) -> None:
    assert not SHIPPED.blocks(kind, value)


def test_test_addresses_are_blocked_as_addresses_only() -> None:
    assert SHIPPED.blocks(T.EMAIL, "Test@Test.com")
    assert SHIPPED.blocks(T.EMAIL, "test@example.org")
    assert not SHIPPED.blocks(T.CUSTOMERID, "test@test.com")
    assert not SHIPPED.blocks(T.EMAIL, "test@shop.example")
    assert not SHIPPED.blocks(T.EMAIL, "ed.hyde@example.com")


def test_the_id_of_a_whole_series_of_devices() -> None:
    assert SHIPPED.blocks(T.ANDROID_UUID, "9774D56D682E549C")
    assert not SHIPPED.blocks(T.CUSTOMERID, "9774d56d682e549c")


def test_entries_hold_for_their_type_or_for_all() -> None:
    blocked = BlockedValues(shipped=False, entries={T.EMAIL: ("a@b.c",), None: ("till 7",)})

    assert blocked.blocks(T.EMAIL, "A@b.c")
    assert not blocked.blocks(T.CUSTOMERID, "a@b.c")
    assert blocked.blocks(T.EMAIL, "Till 7")
    assert blocked.blocks(T.CUSTOMERID, '"till 7"')


def test_only_the_star_means_more_than_itself() -> None:
    blocked = own("a?[b]*(.)")

    assert blocked.blocks(T.OTHER, "A?[B] anything (.)")
    assert not blocked.blocks(T.OTHER, "ax[b](.)")
    assert not blocked.blocks(T.OTHER, "a?b(.)")


@given(st.text("ab*", min_size=1), st.text("ab"))
@example("*a*a*", "a")
@example("a*a", "a")
def test_a_pattern_means_what_a_regular_expression_means(entry: str, value: str) -> None:
    expected = re.fullmatch(".*".join(map(re.escape, entry.split("*"))), value) is not None

    assert own(entry).blocks(T.OTHER, value) is expected


def test_no_pattern_takes_long() -> None:
    """A regular expression of this kind would take years."""
    blocked = own("*a" * 100 + "*b")
    began = time.process_time()

    assert not blocked.blocks(T.IOS_IDFV, "a" * 4_096)
    assert time.process_time() - began < 1


@given(st.sampled_from(IdentityType), st.text())
def test_case_quotes_and_blanks_make_no_difference(kind: IdentityType, value: str) -> None:
    blocks = SHIPPED.blocks(kind, value)

    assert SHIPPED.blocks(kind, f" \"'{value}'\" ") is blocks


@pytest.mark.parametrize(
    ("entry", "fault"),
    [
        ("", "must have more than blanks and quotes"),
        (' "" ', "must have more than blanks and quotes"),
        ("**", "would block every value"),
        ("'*'", "would block every value"),
        ("x" * (MAX_ENTRY_CHARS + 1), "must have at most 256 characters"),
        ("x" * MAX_ENTRY_CHARS, None),
        ("*x", None),
    ],
)
def test_an_entry_that_cannot_be_meant(entry: str, fault: str | None) -> None:
    assert entry_fault(entry) == fault


def test_the_shipped_list_is_written_as_it_is_compared() -> None:
    """An entry with a capital or a blank at its end would never be found."""
    for entry in (*SHIPPED_WORDS, *SHIPPED_EMAILS):
        assert entry == entry.casefold().strip()


def test_whether_there_is_anything_to_block() -> None:
    assert SHIPPED.is_any
    assert own("x").is_any
    assert not BlockedValues(shipped=False).is_any
