"""Steps as typed requests."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from idsync.testing.scenario.case import Step
from idsync.testing.scenario.requests import typed_request
from idsync.testing.scenario.surface import InexpressibleError
from idsync.v1 import identity_pb2 as nouns
from idsync.v1 import identity_service_pb2 as pb
from tests.unit.testing.scenario.stories import read, story

NOW_MS = 1_767_225_600_000
DAY_MS = 86_400_000


def step_of(folder: Path, number: int, request: dict[str, Any], **members: Any) -> Step:
    changes = [(("steps", number - 1, "request"), request)]
    changes += [(("steps", number - 1, name), value) for name, value in members.items()]
    return read(folder, story(*changes)).steps[number - 1]


def identify_of(folder: Path, request: dict[str, Any], **members: Any) -> pb.IdentifyRequest:
    message = typed_request(step_of(folder, 1, request, **members), "id-1", NOW_MS)
    assert isinstance(message, pb.IdentifyRequest)
    return message


def alias_of(folder: Path, **request: Any) -> pb.AliasRequest:
    members = {"source_mpid": "1", "destination_mpid": 2} | request
    message = typed_request(step_of(folder, 4, members), "id-1", NOW_MS)
    assert isinstance(message, pb.AliasRequest)
    return message


def test_a_request_is_completed(tmp_path: Path) -> None:
    message = identify_of(tmp_path, {"known_identities": {"email": "a"}}, query={"read_only": True})

    assert message.environment == nouns.ENVIRONMENT_PRODUCTION
    assert [(i.type, i.value) for i in message.known_identities] == [(nouns.IDENTITY_TYPE_EMAIL, "a")]
    assert (message.request_id, message.read_only) == ("id-1", True)
    assert message.client_sdk.sdk_vendor == "idsync"
    assert not message.HasField("previous_mpid")


def test_what_is_to_be_omitted_is_not_added(tmp_path: Path) -> None:
    message = identify_of(tmp_path, {}, omit=["environment", "request_id", "client_sdk"])

    assert message == pb.IdentifyRequest()


def test_words_that_name_nothing_are_numbers_that_name_nothing(tmp_path: Path) -> None:
    """The typed counterpart of an unknown name (ID-233)."""
    message = identify_of(tmp_path, {"known_identities": {"shoe": "44"}, "environment": "staging"})

    assert message.environment not in nouns.Environment.values()
    assert message.known_identities[0].type not in nouns.IdentityType.values()


def test_null_is_a_blank_value(tmp_path: Path) -> None:
    """Both count as not sent (ID-024)."""
    message = identify_of(tmp_path, {"known_identities": {"email": None}})

    assert [identity.value for identity in message.known_identities] == [""]


@pytest.mark.parametrize(
    ("written", "at_ms"),
    [
        ("now", NOW_MS),
        ("now-2d", NOW_MS - 2 * DAY_MS),
        ("now+1h", NOW_MS + 3_600_000),
        (5, 5),
        ("now-1m", None),
    ],
)
def test_times_are_reckoned_from_the_clock_of_the_step(
    tmp_path: Path, written: Any, at_ms: int | None
) -> None:
    message = alias_of(tmp_path, start=written)

    assert message.start_time.ToMilliseconds() == (NOW_MS - 60_000 if at_ms is None else at_ms)
    assert not message.HasField("end_time")


def test_members_that_are_missing_stay_unset(tmp_path: Path) -> None:
    message = alias_of(tmp_path)

    assert (message.source_mpid, message.destination_mpid) == (1, 2)
    assert not message.HasField("scope")
    assert not message.HasField("device_application_stamp")


@pytest.mark.parametrize(
    "request_",
    [
        {"known_identities": {"email": 5}},
        {"known_identities": {"email": ["a"]}},
        {"known_identities": {"email": "\ud800"}},
        {"known_identities": ["email"]},
        {"known_identities": {}, "previous_mpid": "abc"},
        {"known_identities": {}, "previous_mpid": "+5"},
        {"known_identities": {}, "previous_mpid": 2**63},
        {"known_identities": {}, "previous_mpid": True},
        {"known_identities": {}, "environment": 1},
        {"known_identities": {}, "client_sdk": []},
        {"known_identities": {}, "context": "opaque"},
    ],
)
def test_what_the_types_exclude_is_inexpressible(tmp_path: Path, request_: dict[str, Any]) -> None:
    with pytest.raises(InexpressibleError):
        identify_of(tmp_path, request_)


@pytest.mark.parametrize(
    "request_",
    [
        {"mpid": "me", "identity_changes": []},
        {"mpid": "1", "identity_changes": {}},
        {"mpid": "1", "identity_changes": [7]},
        {"mpid": "1", "identity_changes": [{"identity_type": 7}]},
        {"mpid": "1", "identity_changes": [{"identity_type": "email", "new_value": 7}]},
    ],
)
def test_so_it_is_for_modify(tmp_path: Path, request_: dict[str, Any]) -> None:
    with pytest.raises(InexpressibleError):
        typed_request(step_of(tmp_path, 3, request_), "", NOW_MS)


@pytest.mark.parametrize("request_", [{"scope": 1}, {"start": "yesterday"}, {"end": 1.5}])
def test_so_it_is_for_alias(tmp_path: Path, request_: dict[str, Any]) -> None:
    with pytest.raises(InexpressibleError):
        alias_of(tmp_path, **request_)
