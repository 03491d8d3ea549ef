"""Identities by their wire names."""

from __future__ import annotations

import pytest

from idsync.client import identities
from idsync.model.errors import InvalidRequestError
from idsync.model.identity import TYPES_BY_NAME
from idsync.v1.identity_pb2 import Identity, IdentityType


def test_names_become_types_in_order() -> None:
    """ID-020; values are taken as they are (ID-023)."""
    result = identities({"email": " A@example.com", "ios_idfv": ""})

    assert result == [
        Identity(type=IdentityType.IDENTITY_TYPE_EMAIL, value=" A@example.com"),
        Identity(type=IdentityType.IDENTITY_TYPE_IOS_IDFV, value=""),
    ]


@pytest.mark.parametrize("name", sorted(TYPES_BY_NAME))
def test_every_name_is_known(name: str) -> None:
    """Both spellings of ID-022 included."""
    (result,) = identities({name: "x"})

    expected = name.replace("facebook_custom_audience_id", "facebookcustomaudienceid").upper()
    assert IdentityType.Name(result.type) == f"IDENTITY_TYPE_{expected}"


def test_an_unknown_name_is_refused_without_being_repeated() -> None:
    """Name and value are easily confused, and no value may stand in an error text."""
    with pytest.raises(InvalidRequestError) as caught:
        identities({"email": "x", "ada@example.com": "email"})

    assert caught.value.fields == ("known_identities[1].type",)
    assert "ada" not in str(caught.value)


def test_a_value_that_is_no_text_is_refused() -> None:
    """Bytes of a command line that are not UTF-8 arrive as lone surrogates."""
    with pytest.raises(InvalidRequestError) as caught:
        identities({"email": "\udcff@example.com"})

    assert caught.value.fields == ("known_identities[0].value",)
    assert "example" not in str(caught.value)
