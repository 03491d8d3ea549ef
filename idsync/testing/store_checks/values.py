"""Values are compared byte for byte and come back as they were given (ID-023)."""

from __future__ import annotations

from typing import Final

import pytest

from idsync.model.identity import Identity, IdentityType
from idsync.testing.scribe import Scribe

__all__ = ["ValueChecks"]

_LONGEST: Final = 4_096
"""Characters of a device identity at most (ID-241)."""

_PAIRS: Final = {
    "case": ("one@example.com", "One@example.com"),
    "dotless i": ("i", "\u0131"),
    "sharp s": ("stra\u00dfe", "strasse"),
    "accents composed and decomposed": ("caf\u00e9", "cafe\u0301"),
    "accent or none": ("caf\u00e9", "cafe"),
    "trailing blank": ("value", "value "),
    "leading blank": (" value", "value"),
    "trailing line feed": ("value", "value\n"),
    "trailing NUL": ("value", "value\0"),
    "one NUL or two": ("\0", "\0\0"),
    "text after NUL": ("value\0a", "value\0b"),
    "byte order mark": ("value", "\ufeffvalue"),
    "zero width": ("va\u200blue", "value"),
    "full width": ("\uff11", "1"),
    "four-byte characters": ("\U0001f600", "\U0001f601"),
    "last character of Unicode": ("\U0010ffff", "\U0010fffe"),
    "numbers that are equal": ("1", "01"),
    "integer and fraction": ("1", "1.0"),
    "exponent": ("1000", "1e3"),
    "greater than 64 bits": ("18446744073709551616", "18446744073709551617"),
    "wildcards of SQL": ("%", "_"),
    "quotation marks": ("'", "''"),
    "last of 4096 characters": ("a" * _LONGEST, "a" * (_LONGEST - 1) + "b"),
    "last of 4096 four-byte characters": (
        "\U0001f600" * _LONGEST,
        "\U0001f600" * (_LONGEST - 1) + "\U0001f601",
    ),
}


class ValueChecks:
    """What a value is."""

    @pytest.mark.parametrize(("one", "other"), _PAIRS.values(), ids=_PAIRS.keys())
    async def test_values_are_compared_exactly(self, scribe: Scribe, one: str, other: str) -> None:
        """No trimming, no case folding, no normalisation, no collation (ID-023)."""
        first, second = (Identity(IdentityType.ANDROID_UUID, value) for value in (one, other))
        mpid = await scribe.create(first)

        stranger = await scribe.holders(second)
        other_mpid = await scribe.create(second)

        assert stranger == []
        assert await scribe.holders(first) == [mpid]
        assert await scribe.holders(second) == [other_mpid]
        assert await scribe.store.find_profiles(scribe.graph, first, 10) == [mpid]

    async def test_values_come_back_as_given(self, scribe: Scribe) -> None:
        """In the profile, in a view of its record, and in the journal."""
        values = sorted({value for pair in _PAIRS.values() for value in pair})
        given = [Identity(IdentityType.ANDROID_UUID, value) for value in values]
        mpid = await scribe.create(*given)
        await scribe.store.settle()

        shown = (await scribe.store.profiles(scribe.graph, [mpid]))[mpid]
        view = (await scribe.look(profiles=[mpid])).profile(mpid)
        [entry] = await scribe.journal()

        assert [recorded.identity for recorded in shown.identities] == given
        assert view is not None
        assert list(view.record()) == given
        assert [change.identity for change in entry.changes if change.identity is not None] == given

    async def test_one_value_of_two_types_is_two_identities(self, scribe: Scribe) -> None:
        """ID-010: look-up is by the exact pair of type and value."""
        one, other = Identity(IdentityType.OTHER, "same"), Identity(IdentityType.OTHER2, "same")
        mpid = await scribe.create(one)

        assert await scribe.holders(other) == []
        assert await scribe.create(other) != mpid

    async def test_every_type_has_its_place(self, scribe: Scribe) -> None:
        """All types of ID-020, on one record."""
        given = [Identity(identity_type, "same") for identity_type in IdentityType]
        mpid = await scribe.create(*given)

        view = (await scribe.look(profiles=[mpid])).profile(mpid)

        assert view is not None
        assert list(view.record()) == given
        assert view.types == sum(identity_type.bit for identity_type in IdentityType)
