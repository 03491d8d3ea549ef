"""The table of rpcs, and what may be sent twice."""

from __future__ import annotations

import pytest
from google.protobuf.message import Message

from idsync.client import RPCS, is_safe_to_retry
from idsync.client.rpcs import RPCS_BY_RESPONSE
from idsync.v1 import graph_service_pb2 as graph
from idsync.v1 import identity_service_pb2 as identity
from idsync.v1 import privacy_service_pb2 as privacy

ALWAYS = {
    "Identify", "Login", "Search", "GetCaller", "GetProfile", "BatchGetProfiles", "FindProfiles",
    "GetProfileAt", "FindProfilesAt", "ListHolders", "GetNeighborhood", "GetCollapseRisk",
    "ListAlarms", "ListQuarantined", "Explain", "ListJournal", "GetErasure", "Export",
    "ListScopes", "GetScope", "ListVersions", "PlanRepair",
    "ListWorkspaces", "GetWorkspace", "ListInputs", "GetInput",
}  # fmt: skip
RPC_BY_NAME = {rpc.name: rpc for rpc in RPCS}


def batch(*requests: Message) -> identity.BatchResolveRequest:
    """A batch of the given calls; `None` of them may be named."""
    calls = []
    for request in requests:
        name = type(request).__name__.removesuffix("Request").lower()
        call = identity.ResolveCall()
        getattr(call, name).CopyFrom(request)
        getattr(call, name).SetInParent()
        calls.append(call)
    return identity.BatchResolveRequest(calls=calls)


def test_an_rpc_knows_its_path_and_shape() -> None:
    """The path of the wire, the message classes and the direction of streams."""
    identify, watch, stream = (RPC_BY_NAME[name] for name in ("Identify", "WatchChanges", "StreamResolve"))

    assert (identify.service, identify.path) == ("IdentityService", "/idsync.v1.IdentityService/Identify")
    assert (identify.request_type, identify.response_type) == (
        identity.IdentifyRequest,
        identity.IdentifyResponse,
    )
    assert watch.path == "/idsync.v1.GraphService/WatchChanges"
    assert (watch.request_type, watch.client_streaming, watch.server_streaming) == (
        graph.WatchChangesRequest,
        False,
        True,
    )
    assert (stream.client_streaming, stream.server_streaming) == (True, True)


def test_no_two_rpcs_share_a_response() -> None:
    """An rpc is found by the class of its response."""
    assert len(RPCS_BY_RESPONSE) == len(RPCS) == len({rpc.path for rpc in RPCS})


def test_reads_and_idempotent_calls_are_safe() -> None:
    """ID-042, and everything that only reads."""
    assert {rpc.name for rpc in RPCS if rpc.safe_to_retry} == ALWAYS


@pytest.mark.parametrize(
    ("name", "request_", "safe"),
    [
        ("Identify", identity.IdentifyRequest(), True),
        ("Alias", identity.AliasRequest(request_id="r"), False),
        ("Logout", identity.LogoutRequest(request_id="r"), False),
        ("Logout", identity.LogoutRequest(idempotency_key=""), False),
        ("Logout", identity.LogoutRequest(idempotency_key="k"), True),
        ("Logout", identity.LogoutRequest(read_only=True), True),
        ("Modify", identity.ModifyRequest(request_id="r"), False),
        ("Modify", identity.ModifyRequest(idempotency_key=""), False),
        ("Modify", identity.ModifyRequest(idempotency_key="k"), True),
        ("BatchResolve", batch(), True),
        ("BatchResolve", identity.BatchResolveRequest(calls=[identity.ResolveCall()]), True),
        ("BatchResolve", batch(identity.IdentifyRequest(), identity.LoginRequest()), True),
        ("BatchResolve", batch(identity.SearchRequest(), identity.LogoutRequest()), False),
        ("BatchResolve", batch(identity.ModifyRequest(), identity.IdentifyRequest()), False),
        ("BatchResolve", batch(identity.ModifyRequest(idempotency_key="k"), identity.SearchRequest()), True),
        ("Erase", privacy.EraseRequest(mpids=[1]), False),
        ("Erase", privacy.EraseRequest(mpids=[1], preview=True), True),
        ("WatchChanges", graph.WatchChangesRequest(), False),
    ],
)
def test_what_the_request_decides(name: str, request_: Message, safe: bool) -> None:
    """Logout, modify and batches are safe by what they say (ID-042: a request_id is no idempotency key)."""
    assert is_safe_to_retry(RPC_BY_NAME[name], request_) is safe
