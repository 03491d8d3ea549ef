"""Answers as clients read them (ID-170 to ID-174, ID-229, ID-230)."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from idsync.gateway.answers import modify_answer, resolve_answer
from idsync.model.identity import IdentityType
from idsync.v1 import identity_pb2 as nouns
from idsync.v1 import identity_service_pb2 as pb

FOUND = pb.IdentifyResponse(
    mpid=4503599627370497123,
    matched_identities=[nouns.Identity(type=nouns.IDENTITY_TYPE_CUSTOMERID, value="ABC123")],
    is_logged_in=True,
)


def test_the_published_answer() -> None:
    """ID-229, member for member."""
    assert json.loads(resolve_answer(FOUND, return_matches=True)) == {
        "context": None,
        "mpid": "4503599627370497123",
        "matched_identities": {"customerid": "ABC123"},
        "is_ephemeral": False,
        "is_logged_in": True,
    }


def test_matches_are_left_out_on_request() -> None:
    """ID-089."""
    answer = json.loads(resolve_answer(FOUND, return_matches=False))

    assert set(answer) == {"context", "mpid", "is_ephemeral", "is_logged_in"}


def test_a_new_profile_matches_nothing() -> None:
    """ID-171: an empty object, not a missing one."""
    answer = json.loads(resolve_answer(pb.LoginResponse(mpid=1, is_ephemeral=True), return_matches=True))

    assert answer["matched_identities"] == {}
    assert answer["is_ephemeral"] is True
    assert answer["is_logged_in"] is False


def test_the_facebook_type_is_spelled_one_way() -> None:
    """ID-022: whichever was sent."""
    matched = nouns.Identity(type=nouns.IDENTITY_TYPE_FACEBOOKCUSTOMAUDIENCEID, value="f")
    answer = pb.SearchResponse(mpid=1, matched_identities=[matched])

    assert json.loads(resolve_answer(answer, return_matches=True))["matched_identities"] == {
        "facebookcustomaudienceid": "f"
    }


@given(
    st.integers(-(2**63), 2**63 - 1),
    st.dictionaries(st.sampled_from(list(IdentityType)), st.text(max_size=20)),
)
def test_mpids_are_text_and_values_as_sent(mpid: int, matched: dict[IdentityType, str]) -> None:
    """ID-170, ID-171: a JSON number would be rounded by browsers."""
    answer = pb.LogoutResponse(mpid=mpid)
    for identity_type, value in matched.items():
        answer.matched_identities.add(type=nouns.IdentityType.ValueType(identity_type), value=value)

    read = json.loads(resolve_answer(answer, return_matches=True))

    assert read["mpid"] == str(mpid)
    assert read["matched_identities"] == {each.wire_name: value for each, value in matched.items()}


def test_modify_names_what_was_changed_and_no_mpid_of_its_own() -> None:
    """ID-159, ID-230: a client would follow an MPID at the top."""
    answer = pb.ModifyResponse(
        change_results=[
            pb.ChangeResult(type=nouns.IDENTITY_TYPE_EMAIL, modified_mpid=4503599627370497123),
            pb.ChangeResult(type=nouns.IDENTITY_TYPE_EMAIL, modified_mpid=-1),
        ],
        is_logged_in=True,
    )

    assert json.loads(modify_answer(answer)) == {
        "change_results": [
            {"identity_type": "email", "modified_mpid": "4503599627370497123"},
            {"identity_type": "email", "modified_mpid": "-1"},
        ],
        "is_logged_in": True,
    }


def test_modify_without_effect() -> None:
    """ID-159: a JSON object all the same; an empty body is an error to browsers."""
    assert json.loads(modify_answer(pb.ModifyResponse())) == {"change_results": [], "is_logged_in": False}
