"""JSON bodies of alias calls become the requests they mean (ID-231)."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idsync.gateway.bodies import alias_request
from idsync.model.errors import InvalidAliasError
from idsync.v1 import identity_pb2 as nouns
from tests.unit.gateway import recorded
from tests.unit.gateway.json_bodies import FULL_WIDTH, text_of

ALIAS: dict[str, Any] = {"environment": "production", "data": {"source_mpid": "1", "destination_mpid": 2}}


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
