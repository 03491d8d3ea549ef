"""JSON bodies become the requests they mean; what they cannot mean is refused in order (ID-228 to ID-233)."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idsync.gateway.bodies import alias_request, modify_request, request_id_of, resolve_request
from idsync.model.errors import InvalidAliasError, InvalidRequestError
from idsync.model.identity import TYPES_BY_NAME
from idsync.v1 import identity_pb2 as nouns
from idsync.v1 import identity_service_pb2 as pb
from tests.unit.gateway import recorded

FULL_WIDTH = "\uff11\uff12"
"""Digits to a reader, and to `int`."""
WHOLE: dict[str, Any] = {"environment": "production", "known_identities": {"email": "a@example.com"}}
MODIFY: dict[str, Any] = {
    "environment": "production",
    "identity_changes": [{"identity_type": "email", "old_value": None, "new_value": "a@example.com"}],
}
ALIAS: dict[str, Any] = {"environment": "production", "data": {"source_mpid": "1", "destination_mpid": 2}}


def text_of(body: object, **changes: object) -> bytes:
    """Write a body with some members changed, or without those that are `...`."""
    if changes:
        assert isinstance(body, dict)
        body = {name: value for name, value in {**body, **changes}.items() if value is not ...}
    return json.dumps(body).encode()


def identify(text: bytes) -> pb.IdentifyRequest:
    return resolve_request(pb.IdentifyRequest, text, read_only=False)


def known(message: pb.IdentifyRequest | pb.LoginRequest | pb.SearchRequest) -> dict[str, str]:
    return {
        nouns.IdentityType.Name(each.type).removeprefix("IDENTITY_TYPE_").lower(): each.value
        for each in message.known_identities
    }


def test_first_identify_of_a_browser() -> None:
    """ID-228, as recorded: no previous MPID yet, the context is null."""
    message = identify(recorded.WEB_FIRST_IDENTIFY)

    assert message.environment == nouns.ENVIRONMENT_DEVELOPMENT
    assert known(message) == {"device_application_stamp": recorded.DAS}
    assert not message.HasField("previous_mpid")
    assert message.request_id == "351d6acf-a340-49d6-49a0-13e1eaa0dac6"
    assert message.client_sdk == nouns.ClientSdk(platform="web", sdk_vendor="mparticle", sdk_version="2.68.0")
    assert not message.read_only


def test_login_of_a_browser() -> None:
    """As recorded: the previous MPID is text."""
    message = resolve_request(pb.LoginRequest, recorded.WEB_LOGIN, read_only=True)

    assert message.previous_mpid == 1857639672855741850
    assert known(message) == {
        "customerid": "c-1",
        "email": "u1@example.com",
        "device_application_stamp": recorded.DAS,
    }
    assert message.read_only


def test_empty_values_of_an_old_browser_client_go_on_to_the_service() -> None:
    """ID-024: which drops them, and says so in its notices."""
    message = identify(recorded.WEB_OLD_IDENTIFY)

    assert known(message) == {"email": "", "device_application_stamp": recorded.DAS}


def test_search_of_a_browser() -> None:
    message = resolve_request(pb.SearchRequest, recorded.WEB_SEARCH, read_only=False)

    assert known(message) == {"email": "u1@example.com"}


def test_android_sends_integers_and_escapes() -> None:
    """ID-007: a JSON integer of 64 bits, negative, to the last digit."""
    message = identify(recorded.ANDROID_IDENTIFY)

    assert message.previous_mpid == -8712345678901234567
    assert known(message)["push_token"] == "dG9rZW4="
    assert message.environment == nouns.ENVIRONMENT_PRODUCTION


def test_roku_spells_some_things_otherwise() -> None:
    """The request id in camel case; no MPID is an empty one."""
    message = resolve_request(pb.LoginRequest, recorded.ROKU_LOGIN, read_only=False)

    assert message.request_id == "4be3ab9a-1a75-4a52-a5f7-91a1c9b3a1de"
    assert not message.HasField("previous_mpid")


@pytest.mark.parametrize("name", sorted(TYPES_BY_NAME))
def test_every_type_has_its_name(name: str) -> None:
    """ID-020, and both spellings of ID-022."""
    message = identify(text_of(WHOLE, known_identities={name: "v"}))

    assert [int(each.type) for each in message.known_identities] == [TYPES_BY_NAME[name].value]


def test_nulls_are_not_sent() -> None:
    """ID-024: the typed request has no null; with nothing left the service finds it empty (ID-233)."""
    message = identify(text_of(WHOLE, known_identities={"email": None, "customerid": None}))

    assert known(message) == {}


@pytest.mark.parametrize("value", [..., None, {}])
def test_missing_identities_are_for_the_service_to_find(value: object) -> None:
    """ID-233: a lookup error there, on both surfaces alike."""
    assert known(identify(text_of(WHOLE, known_identities=value))) == {}


@pytest.mark.parametrize("value", [..., None, ""])
def test_no_previous_mpid_has_many_forms(value: object) -> None:
    assert not identify(text_of(WHOLE, previous_mpid=value)).HasField("previous_mpid")


@pytest.mark.parametrize("value", ["", "null", None, 7, {"a": []}])
def test_any_context_is_accepted_and_ignored(value: object) -> None:
    """ID-174."""
    assert identify(text_of(WHOLE, context=value)) == identify(text_of(WHOLE))


@pytest.mark.parametrize(
    "members",
    [
        {"request_timestamp_ms": "soon"},
        {"source_request_id": 5},
        {"client_sdk": "web"},
        {"request_id": 5},
        {"something": {"new": []}},
        {"client_sdk": {"platform": None, "sdk_version": 4}},
    ],
)
def test_what_is_not_interpreted_cannot_be_wrong(members: dict[str, object]) -> None:
    """ID-228: unknown members are ignored, and so is what only describes the caller."""
    message = identify(text_of(WHOLE, **members))

    assert known(message) == {"email": "a@example.com"}
    assert message.request_id == ""


@pytest.mark.parametrize("platform", ["toaster", "iOS", "web "])
def test_an_unknown_platform_is_other(platform: str) -> None:
    """ID-228."""
    message = identify(text_of(WHOLE, client_sdk={"platform": platform}))

    assert message.client_sdk.platform == "other"


BAD_ENVIRONMENTS = [..., None, "", "staging", "Production", 1, True, ["production"]]
BAD_MPIDS = [
    "abc",
    " 12",
    "+5",
    FULL_WIDTH,
    "-0",
    "9223372036854775808",
    2**63,
    2**64,
    -(2**63) - 1,
    1.5,
    True,
    [],
    {},
]
BAD_IDENTITIES: list[object] = [
    ["ios_idfv"],
    [],
    "email",
    "",
    5,
    False,
    {"frequent_flyer": "1"},
    {"Email": "a"},
    {"frequent_flyer": None},
    {"email": 5},
    {"email": True},
    {"email": ["a"]},
    {"email": {"a": 1}},
    {"email": 1.5, "customerid": "c"},
]


def refusal(text: bytes) -> InvalidRequestError:
    with pytest.raises(InvalidRequestError) as refused:
        identify(text)
    return refused.value


@pytest.mark.parametrize("environment", BAD_ENVIRONMENTS)
def test_the_environment_is_one_of_two(environment: object) -> None:
    """ID-233."""
    error = refusal(text_of(WHOLE, environment=environment))

    assert (error.reason, error.fields) == ("VALIDATION_ERROR", ("environment",))


@pytest.mark.parametrize("mpid", BAD_MPIDS)
def test_the_previous_mpid_is_a_64_bit_integer(mpid: object) -> None:
    """ID-233."""
    error = refusal(text_of(WHOLE, previous_mpid=mpid))

    assert (error.reason, error.fields) == ("VALIDATION_ERROR", ("previous_mpid",))


@pytest.mark.parametrize("value", BAD_IDENTITIES)
def test_identities_are_text_by_known_names(value: object) -> None:
    """ID-020, ID-023, ID-233."""
    error = refusal(text_of(WHOLE, known_identities=value))

    assert error.reason == "VALIDATION_ERROR"
    assert error.fields[0].startswith("known_identities")


def test_the_first_fault_of_the_order_is_reported() -> None:
    """ID-233: JSON, environment, MPIDs, shape and types."""
    everything = {"environment": "staging", "previous_mpid": "abc", "known_identities": {"email": 5}}

    assert refusal(text_of(everything)[:-1]).reason == "BAD_REQUEST"
    assert refusal(text_of(everything)).fields == ("environment",)
    assert refusal(text_of(everything, environment="production")).fields == ("previous_mpid",)
    assert refusal(text_of(everything, environment="production", previous_mpid="1")).fields == (
        "known_identities.email",
    )


@pytest.mark.parametrize(
    "identities",
    [
        '{"email":"a","email":"b"}',
        '{"email":"a","email":"a"}',
        '{"email":"a","email":null}',
        '{"email":"a" , "customerid":"c", "email" : "b"}',
        '{"email":"a","\\u0065mail":"b"}',
        '{"email":"a"},"known_identities":{"email":"b"}',
    ],
)
def test_one_type_twice_is_refused(identities: str) -> None:
    """ID-233: parsers keep the last one in silence; which of two the caller meant is not for us to guess."""
    error = refusal(b'{"environment":"production","known_identities":%s}' % identities.encode())

    assert (error.reason, error.fields) == ("VALIDATION_ERROR", ("known_identities",))


@pytest.mark.parametrize(
    ("identities", "expected"),
    [
        ('{"email":"email","other":"email"}', {"email": "email", "other": "email"}),
        ('{"email":"\\u0061"}', {"email": "a"}),
        ('{"email":"\\"email\\""}', {"email": '"email"'}),
    ],
)
def test_a_value_that_looks_like_a_name_is_none(identities: str, expected: dict[str, str]) -> None:
    message = identify(b'{"environment":"production","known_identities":%s}' % identities.encode())

    assert known(message) == expected


def test_two_spellings_of_one_type_go_on_to_the_service() -> None:
    """ID-022, ID-233: it refuses a type that comes twice, on every surface."""
    twice = {"facebookcustomaudienceid": "a", "facebook_custom_audience_id": "b"}

    message = identify(text_of(WHOLE, known_identities=twice))

    assert [each.value for each in message.known_identities] == ["a", "b"]
    assert len({each.type for each in message.known_identities}) == 1


def test_deep_and_suspect_is_refused() -> None:
    """What one parser takes may be too deep for the other."""
    deep = b"[" * 1_000 + b"]" * 1_000

    error = refusal(b'{"environment":"production","known_identities":{"email":"\\u0061"},"x":%s}' % deep)

    assert error.reason == "BAD_REQUEST"


def test_no_fault_repeats_a_value() -> None:
    """Error texts never hold identity values, and callers confuse names with values."""
    assert "jekyll" not in refusal(text_of(WHOLE, known_identities={"jekyll@example.com": "x"})).message
    assert "jekyll" not in refusal(text_of(WHOLE, known_identities={"email": ["jekyll"]})).message
    assert "jekyll" not in refusal(text_of(WHOLE, environment="jekyll")).message
    assert "jekyll" not in refusal(text_of(WHOLE, previous_mpid="jekyll")).message


@given(
    st.dictionaries(st.sampled_from(sorted(TYPES_BY_NAME)), st.text(max_size=20)),
    st.none() | st.integers(-(2**63), 2**63 - 1).filter(bool),
    st.booleans(),
    st.text(),
)
def test_whatever_is_sent_arrives(
    identities: dict[str, str], previous: int | None, as_text: bool, request_id: str
) -> None:
    """ID-023: values are opaque; ID-007: both forms of an MPID mean the same."""
    body = WHOLE | {
        "known_identities": identities,
        "previous_mpid": str(previous) if as_text and previous else previous,
        "request_id": request_id,
    }

    message = identify(text_of(body))

    assert [(int(each.type), each.value) for each in message.known_identities] == [
        (TYPES_BY_NAME[name].value, value) for name, value in identities.items()
    ]
    assert (message.previous_mpid if message.HasField("previous_mpid") else None) == previous
    assert message.request_id == request_id


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3),
    max_leaves=8,
)
MEMBERS = st.sampled_from(["environment", "known_identities", "previous_mpid", "request_id", "client_sdk"])


def reason(text: bytes) -> str | None:
    """Say why a body is refused; `None`: it is not."""
    try:
        identify(text)
    except InvalidRequestError as refused:
        return refused.reason
    return None


@given(st.dictionaries(MEMBERS, JSON | st.just("production")))
def test_any_object_is_a_request_or_refused(body: dict[str, object]) -> None:
    """Nothing a caller sends is a fault of ours."""
    assert reason(text_of(body)) in {None, "BAD_REQUEST", "VALIDATION_ERROR"}


def test_a_browser_changes_an_email() -> None:
    """ID-230, as recorded."""
    message = modify_request("-87", recorded.WEB_MODIFY)

    assert message.mpid == -87
    assert message.environment == nouns.ENVIRONMENT_DEVELOPMENT
    assert list(message.identity_changes) == [
        pb.IdentityChange(
            type=nouns.IDENTITY_TYPE_EMAIL, old_value="u1@example.com", new_value="u1b@example.com"
        )
    ]
    assert message.client_sdk.platform == "web"


def test_a_missing_side_of_a_change_is_null() -> None:
    """ID-162: Roku leaves it out."""
    message = modify_request("1", recorded.ROKU_MODIFY)

    assert list(message.identity_changes) == [
        pb.IdentityChange(type=nouns.IDENTITY_TYPE_EMAIL, new_value="u1@example.com"),
        pb.IdentityChange(type=nouns.IDENTITY_TYPE_CUSTOMERID, old_value="c-1"),
    ]
    assert message.request_id == "91c2d2d8-4c07-4f02-8d9b-b3a7c1e0a3f7"


def test_both_sides_may_be_null() -> None:
    """ID-154: browsers say "remove, if there is any" like that."""
    message = modify_request(
        "1",
        text_of(MODIFY, identity_changes=[{"identity_type": "email", "old_value": None, "new_value": None}]),
    )

    assert list(message.identity_changes) == [pb.IdentityChange(type=nouns.IDENTITY_TYPE_EMAIL)]


@pytest.mark.parametrize(
    "changes",
    [
        ...,
        None,
        [],
        {},
        "email",
        [5],
        [None],
        [{}],
        [{"identity_type": "shoe_size", "new_value": "44"}],
        [{"identity_type": None, "new_value": "44"}],
        [{"identity_type": ["email"], "new_value": "44"}],
        [{"identity_type": "email", "new_value": 7}],
        [{"identity_type": "email", "old_value": ["a"]}],
        [{"identity_type": "email", "new_value": "a"}, 5],
    ],
)
def test_changes_are_a_list_of_changes(changes: object) -> None:
    """ID-230, ID-233."""
    with pytest.raises(InvalidRequestError) as refused:
        modify_request("1", text_of(MODIFY, identity_changes=changes))

    assert refused.value.reason == "VALIDATION_ERROR"
    assert refused.value.fields[0].startswith("identity_changes")


@pytest.mark.parametrize("mpid", ["me", "1.0", "9223372036854775808", "+1", " 1"])
def test_the_path_names_an_mpid(mpid: str) -> None:
    """ID-233; the environment is looked at before, the changes after."""
    faults = []
    for body in ({**MODIFY, "environment": "x"}, {**MODIFY, "identity_changes": []}):
        with pytest.raises(InvalidRequestError) as refused:
            modify_request(mpid, text_of(body))
        faults.append(refused.value.fields)

    assert faults == [("environment",), ("mpid",)]


def test_an_alias_of_a_browser() -> None:
    """ID-231, as recorded: MPIDs as text, a window, a scope."""
    message = alias_request(recorded.WEB_ALIAS)

    assert message.source_mpid == -3977432327909981328
    assert message.destination_mpid == 1857639672855741850
    assert message.start_time.ToMilliseconds() == 1795296007766
    assert message.end_time.ToMilliseconds() == 1795296008013
    assert message.scope == "device"
    assert message.device_application_stamp == "3d775fc4-a974-44bb-fc51-8231d7e8c072"
    assert message.environment == nouns.ENVIRONMENT_DEVELOPMENT
    assert message.request_id == "65a5808f-ae3d-4e5e-492a-e6cfd5953ad0"


def test_an_alias_of_a_device() -> None:
    """ID-181: MPIDs as integers; what was not sent is not there."""
    message = alias_request(recorded.NATIVE_ALIAS)

    assert (message.source_mpid, message.destination_mpid) == (-3977432327909981328, 1857639672855741850)
    assert not message.HasField("start_time")
    assert not message.HasField("end_time")
    assert not message.HasField("scope")


@given(st.integers(-(2**62), 2**62))
def test_times_are_exact(at_ms: int) -> None:
    """Whatever they are: the window is the service's business (ID-183)."""
    data = ALIAS["data"] | {"start_unixtime_ms": at_ms}

    start = alias_request(text_of(ALIAS, data=data)).start_time

    assert start.seconds * 1_000 + start.nanos // 1_000_000 == at_ms
    assert 0 <= start.nanos < 1_000_000_000


@pytest.mark.parametrize("environment", [..., None])
def test_an_alias_needs_no_environment(environment: object) -> None:
    """The source has one."""
    message = alias_request(text_of(ALIAS, environment=environment))

    assert message.environment == nouns.ENVIRONMENT_UNSPECIFIED


BAD_ALIAS_MEMBERS: dict[str, list[object]] = {
    "source_mpid": [None, "", "x", 2**63, 1.5, True],
    "destination_mpid": [None, FULL_WIDTH],
    "start_unixtime_ms": ["1795296007766", 1.5, True, 2**63, 2**70, {}],
    "end_unixtime_ms": [[], "now"],
    "scope": [5, ["device"]],
    "device_application_stamp": [5, {}],
}


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"[]", id="a list"),
        pytest.param(b'{"data":{"source_mpid":"\\ud800"}}', id="half a character"),
        pytest.param(text_of(ALIAS, data=...), id="no data"),
        pytest.param(text_of(ALIAS, data=[]), id="data as a list"),
        pytest.param(text_of(ALIAS, environment="staging"), id="no such environment"),
        *(
            pytest.param(text_of(ALIAS, data={**ALIAS["data"], name: value}), id=f"{name} {value}")
            for name, values in BAD_ALIAS_MEMBERS.items()
            for value in values
        ),
    ],
)
def test_a_malformed_alias_is_invalid_data(text: bytes) -> None:
    """ID-182, ID-233: alias has one word for all that is wrong with a request."""
    with pytest.raises(InvalidAliasError) as refused:
        alias_request(text)

    assert refused.value.reason == "INVALID_DATA"


def test_the_request_id_has_two_spellings() -> None:
    assert request_id_of({"requestId": "a"}) == "a"
    assert request_id_of({"request_id": "b", "requestId": "a"}) == "b"
    assert request_id_of({"request_id": None, "requestId": 5}) == ""
