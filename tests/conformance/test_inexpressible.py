"""The table of what a typed interface cannot say, held against protobuf itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import pytest
from google.protobuf.json_format import ParseDict, ParseError
from google.protobuf.message import Message

from idsync.testing.scenario.case import Call, Step
from idsync.v1 import identity_service_pb2 as pb
from tests.conformance.vectors import STORIES, TYPED

LISTED: Final = {case.id: case for case in STORIES if case.id in TYPED}
REQUESTS: Final[Mapping[Call, type[Message]]] = {
    Call.IDENTIFY: pb.IdentifyRequest,
    Call.LOGIN: pb.LoginRequest,
    Call.LOGOUT: pb.LogoutRequest,
    Call.SEARCH: pb.SearchRequest,
    Call.MODIFY: pb.ModifyRequest,
    Call.ALIAS: pb.AliasRequest,
}


def _written(step: Step) -> dict[str, Any]:
    """Write a step the way the JSON form of the typed request has it, values as they stand."""
    members = {name: value for name, value in step.request.items() if value != "$A"}
    known = members.get("known_identities")
    if isinstance(known, dict):
        members["known_identities"] = [{"value": value} for value in known.values()]
    changes = members.get("identity_changes")
    if isinstance(changes, list):
        members["identity_changes"] = [
            {name: value for name, value in change.items() if name != "identity_type"} for change in changes
        ]
    return members | dict(step.query)


def _can_be_said(step: Step) -> bool:
    kind = REQUESTS.get(step.call)
    if kind is None:
        return False
    try:
        ParseDict(_written(step), kind())
    except ParseError:
        return False
    return True


def test_every_listed_case_exists() -> None:
    assert set(LISTED) == set(TYPED)


@pytest.mark.parametrize("case_id", sorted(TYPED))
def test_protobuf_refuses_a_step_of_every_listed_case(case_id: str) -> None:
    """By its types alone, without a line of ours."""
    assert not all(_can_be_said(step) for step in LISTED[case_id].steps)


def test_protobuf_takes_every_step_that_is_not_listed() -> None:
    """Only words that name nothing, and `null`, have another spelling there."""
    refused = {
        case.id
        for case in STORIES
        for step in case.steps
        if case.id not in TYPED and step.call in REQUESTS and not _can_be_said(_plain(step))
    }

    assert refused == set()


def _plain(step: Step) -> Step:
    """Leave out what is spelled differently on purpose: times, environments by name, `null` as a value."""
    request = {
        name: value
        for name, value in step.request.items()
        if name not in {"start", "end", "environment"}
        and not (isinstance(value, str) and value.startswith("$"))
    }
    known = request.get("known_identities")
    if isinstance(known, dict):
        request["known_identities"] = {name: value or "" for name, value in known.items()}
    return Step(step.number, step.call, "w1", request, step.query, step.omit, 0, "", {})
