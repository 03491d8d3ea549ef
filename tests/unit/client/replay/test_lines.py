"""A line of a traffic file becomes the request that docs/traffic.md promises, or is named malformed."""

from __future__ import annotations

import json
from typing import Any

import pytest

from idsync.client.replay import Line, MalformedLineError, read_line
from idsync.model.identity import Environment, IdentityType
from idsync.v1 import identity_pb2
from idsync.v1 import identity_service_pb2 as pb

OPTED_OUT = "00000000-0000-0000-0000-000000000000"


def read(number: int = 9, **members: Any) -> Line:
    """Read a line with these members."""
    return read_line(number, json.dumps(members).encode() + b"\n")


def fault(**members: Any) -> str:
    """Say what is wrong with a line."""
    with pytest.raises(MalformedLineError) as raised:
        read(**members)
    return str(raised.value)


@pytest.mark.parametrize(
    ("call", "kind"),
    [
        ("identify", pb.IdentifyRequest),
        ("login", pb.LoginRequest),
        ("logout", pb.LogoutRequest),
        ("search", pb.SearchRequest),
    ],
)
def test_a_resolving_call_becomes_its_request(call: str, kind: type[pb.IdentifyRequest]) -> None:
    """With everything it says, in the order in which it says it."""
    line = read(
        call=call,
        known_identities={"email": "a@example.com", "facebook_custom_audience_id": "f"},
        environment="development",
        request_id="r-1",
        previous_mpid="-5",
        read_only=True,
        at_ms=1,
        unknown="ignored",
    )

    assert line.call == call
    assert line.refers_to is None
    assert line.request == kind(
        environment=identity_pb2.ENVIRONMENT_DEVELOPMENT,
        known_identities=[
            identity_pb2.Identity(type=identity_pb2.IDENTITY_TYPE_EMAIL, value="a@example.com"),
            identity_pb2.Identity(type=identity_pb2.IDENTITY_TYPE_FACEBOOKCUSTOMAUDIENCEID, value="f"),
        ],
        previous_mpid=-5,
        request_id="r-1",
        read_only=True,
    )


def test_a_modify_becomes_its_request() -> None:
    """An absent value is null, and null is not sent (ID-162)."""
    changes = [
        {"identity_type": "email", "old_value": "a@example.com", "new_value": "b@example.com"},
        {"identity_type": "other", "old_value": None},
    ]
    line = read(call="modify", mpid=7, identity_changes=changes, request_id="r-2")

    assert line.request == pb.ModifyRequest(
        environment=identity_pb2.ENVIRONMENT_PRODUCTION,
        mpid=7,
        identity_changes=[
            pb.IdentityChange(
                type=identity_pb2.IDENTITY_TYPE_EMAIL, old_value="a@example.com", new_value="b@example.com"
            ),
            pb.IdentityChange(type=identity_pb2.IDENTITY_TYPE_OTHER),
        ],
        request_id="r-2",
    )


def test_the_environment_of_a_line_comes_before_that_of_the_command() -> None:
    """And where the line names none, the command's holds."""
    text = b'{"call":"identify","known_identities":{"email":"a"}%s}'
    silent = read_line(1, text % b"", Environment.DEVELOPMENT).request
    named = read_line(1, text % b',"environment":"production"', Environment.DEVELOPMENT).request

    assert silent.environment == identity_pb2.ENVIRONMENT_DEVELOPMENT
    assert named.environment == identity_pb2.ENVIRONMENT_PRODUCTION


def test_null_is_sent_as_a_blank_value() -> None:
    """The service says in its answer that it counts as not sent (ID-024)."""
    request = read(call="identify", known_identities={"email": None}).request

    assert not isinstance(request, pb.ModifyRequest)
    assert [i.value for i in request.known_identities] == [""]


def test_without_a_previous_mpid_none_is_sent() -> None:
    """0 would be a value (ID-007)."""
    request = read(call="identify", known_identities={"email": "a"}).request

    assert not request.HasField("previous_mpid")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("members", "reference"),
    [
        ({"call": "login", "known_identities": {}, "previous": 8}, 8),
        ({"call": "modify", "identity_changes": [], "of": 1}, 1),
    ],
)
def test_a_reference_names_an_earlier_line(members: dict[str, Any], reference: int) -> None:
    """The request is complete but for the MPID."""
    line = read(**members)

    assert line.refers_to == reference
    assert ("line", reference) in line.ties


def test_ties_are_what_a_line_says_about_whom() -> None:
    """Values by environment and type, MPIDs, and both values of a change."""
    known = {"email": "a", "customerid": "a"}
    login = read(call="login", known_identities=known, previous_mpid=3)
    changes = [{"identity_type": "email", "old_value": "a", "new_value": "b"}]
    modify = read(call="modify", mpid=3, identity_changes=changes, environment="development")

    production, development = Environment.PRODUCTION, Environment.DEVELOPMENT
    assert login.ties == {
        (production, IdentityType.EMAIL, "a"),
        (production, IdentityType.CUSTOMERID, "a"),
        ("mpid", 3),
    }
    assert modify.ties == {
        (development, IdentityType.EMAIL, "a"),
        (development, IdentityType.EMAIL, "b"),
        ("mpid", 3),
    }


def test_what_identifies_nobody_ties_nobody() -> None:
    """Else all who opted out would wait for each other (ID-024, ID-025)."""
    known = {"email": " ", "customerid": None, "ios_idfa": OPTED_OUT, "ios_idfv": OPTED_OUT}
    line = read(call="identify", known_identities=known)

    assert line.ties == {(Environment.PRODUCTION, IdentityType.IOS_IDFV, OPTED_OUT)}


@pytest.mark.parametrize("text", [b"", b"{", b'{"call":"identify"', b"\xff", b'"\\ud800"', b"NaN"])
def test_what_is_no_json_is_malformed(text: bytes) -> None:
    """Cut lines, bytes that are not UTF-8, half characters."""
    with pytest.raises(MalformedLineError, match=r"^not JSON$"):
        read_line(1, text)


@pytest.mark.parametrize("text", [b"[]", b"1", b"null", b'"identify"'])
def test_what_is_no_object_is_malformed(text: bytes) -> None:
    """A call has members."""
    with pytest.raises(MalformedLineError, match=r"^not a JSON object$"):
        read_line(1, text)


@pytest.mark.parametrize(
    ("members", "word"),
    [
        ({}, "call"),
        ({"call": "alias"}, "call"),
        ({"call": ["identify"]}, "call"),
        ({"call": "identify"}, "known_identities"),
        ({"call": "identify", "known_identities": ["email"]}, "known_identities"),
        ({"call": "identify", "known_identities": {"mail": "a"}}, "identity type"),
        ({"call": "identify", "known_identities": {"email": 1}}, "identity value"),
        ({"call": "identify", "known_identities": {}, "read_only": 1}, "read_only"),
        ({"call": "identify", "known_identities": {}, "request_id": 1}, "request_id"),
        ({"call": "identify", "known_identities": {}, "environment": "test"}, "environment"),
        ({"call": "identify", "known_identities": {}, "environment": []}, "environment"),
        ({"call": "identify", "known_identities": {}, "previous": 9}, "previous"),
        ({"call": "identify", "known_identities": {}, "previous": 0}, "previous"),
        ({"call": "identify", "known_identities": {}, "previous": "8"}, "previous"),
        ({"call": "identify", "known_identities": {}, "previous": True}, "previous"),
        ({"call": "identify", "known_identities": {}, "previous": 1, "previous_mpid": 1}, "exclude"),
        ({"call": "identify", "known_identities": {}, "previous_mpid": 2**63}, "previous_mpid"),
        ({"call": "identify", "known_identities": {}, "previous_mpid": "1.0"}, "previous_mpid"),
        ({"call": "identify", "known_identities": {}, "previous_mpid": "--1"}, "previous_mpid"),
        ({"call": "identify", "known_identities": {}, "previous_mpid": True}, "previous_mpid"),
        ({"call": "modify", "identity_changes": []}, "of or mpid"),
        ({"call": "modify", "of": 1}, "identity_changes"),
        ({"call": "modify", "of": 1, "identity_changes": ["email"]}, "identity_changes"),
        ({"call": "modify", "of": 1, "identity_changes": [{}]}, "identity type"),
        (
            {"call": "modify", "of": 1, "identity_changes": [{"identity_type": "email", "new_value": 1}]},
            "identity value",
        ),
    ],
)
def test_a_malformed_line_says_what_is_wrong(members: dict[str, Any], word: str) -> None:
    """By the member at fault."""
    assert word in fault(**members)


def test_a_fault_never_shows_what_stands_in_the_line() -> None:
    """Name and value are easily confused, and texts end up in logs."""
    for known in ({"a@example.com": "email"}, {"email": ["a@example.com"]}):
        assert "example" not in fault(call="identify", known_identities=known)


@pytest.mark.parametrize("mpid", [-(2**63), 2**63 - 1, "9223372036854775807", "-9223372036854775808"])
def test_an_mpid_is_any_signed_64_bit_integer(mpid: int | str) -> None:
    """As an integer or in decimal (ID-007)."""
    line = read(call="modify", mpid=mpid, identity_changes=[])

    assert isinstance(line.request, pb.ModifyRequest)
    assert line.request.mpid == int(mpid)
