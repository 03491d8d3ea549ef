"""JSON bodies of modify calls become the changes they mean (ID-230)."""

from __future__ import annotations

from typing import Any

import pytest

from idsync.gateway.bodies import modify_request
from idsync.model.errors import InvalidRequestError
from idsync.v1 import identity_pb2 as nouns
from idsync.v1 import identity_service_pb2 as pb
from tests.unit.gateway import recorded
from tests.unit.gateway.json_bodies import text_of

MODIFY: dict[str, Any] = {
    "environment": "production",
    "identity_changes": [{"identity_type": "email", "old_value": None, "new_value": "a@example.com"}],
}


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
