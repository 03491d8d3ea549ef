"""JSON bodies of identity calls become the requests they mean (ID-228, ID-229)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idsync.gateway.bodies import request_id_of, resolve_request
from idsync.model.identity import TYPES_BY_NAME
from idsync.v1 import identity_pb2 as nouns
from idsync.v1 import identity_service_pb2 as pb
from tests.unit.gateway import recorded
from tests.unit.gateway.json_bodies import WHOLE, identify, known, text_of


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


def test_the_request_id_has_two_spellings() -> None:
    assert request_id_of({"requestId": "a"}) == "a"
    assert request_id_of({"request_id": "b", "requestId": "a"}) == "b"
    assert request_id_of({"request_id": None, "requestId": 5}) == ""
