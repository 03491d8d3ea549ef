"""Whatever comes over the wire gets a clear error, and the service goes on (ID-233, ID-236)."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any

import grpc
import pytest
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo
from grpc_status import rpc_status

from idsync.client import AsyncClient, identities
from idsync.model.signing import signature_of, signed_text
from idsync.server.app import App
from idsync.testing.clock import ManualClock
from idsync.v1 import identity_pb2
from idsync.v1 import identity_service_pb2 as pb
from tests.e2e.conftest import CLUB, CONFIGURATION, SHOP
from tests.e2e.http_process import http_process

IDENTIFY = "/idsync.v1.IdentityService/Identify"
STREAM = "/idsync.v1.IdentityService/StreamResolve"
GOOD = pb.IdentifyRequest(
    environment=identity_pb2.ENVIRONMENT_PRODUCTION, known_identities=identities({"ios_idfv": "d"})
)


@pytest.fixture
def database_url() -> str:
    """What is refused at the door does not depend on the store."""
    return "memory://"


@pytest.fixture(scope="module")
def fronts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Where the fronts of a service listen."""
    with http_process(tmp_path_factory.mktemp("fronts"), CONFIGURATION, "--processes", "2") as service:
        yield service.addresses.grpc


@pytest.fixture(params=["one process", "fronts"])
def address(request: pytest.FixtureRequest) -> str:
    """Where calls go: to the process that answers them, or to one that relays them."""
    if request.param == "fronts":
        return str(request.getfixturevalue("fronts"))
    app: App = request.getfixturevalue("app")
    return app.grpc_address


@pytest.fixture
async def channel(address: str) -> AsyncIterator[Any]:
    """A channel that sends bytes as they are; at the end the service must still answer."""
    async with grpc.aio.insecure_channel(address) as opened:
        channel: Any = opened
        yield channel
        answer = await channel.unary_unary(IDENTIFY)(GOOD.SerializeToString(), metadata=SHOP.metadata())
        assert pb.IdentifyResponse.FromString(answer).mpid


async def refusal(call: Any) -> tuple[grpc.StatusCode, str, tuple[str, ...]]:
    """Give code, reason and fields of a failed call, and see that nothing of the inside shows."""
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call
    error = caught.value
    status = await rpc_status.aio.from_call(call)
    assert "Traceback" not in (error.details() or "")
    info, fields = ErrorInfo(), BadRequest()
    for detail in status.details if status is not None else ():
        for wanted in (info, fields):
            if detail.Is(wanted.DESCRIPTOR):
                detail.Unpack(wanted)
    assert info.domain in {"idsync", ""}
    return error.code(), info.reason, tuple(violation.field for violation in fields.field_violations)


class TestGarbage:
    @pytest.mark.parametrize(
        "request_", [b"\xff", b"\x0a\xff\xff\xff", b"{}", b"\x22\x02\xff\xfe", b"\x12\x04\x12\x02\xc3\x28"]
    )
    async def test_no_message(self, channel: Any, request_: bytes) -> None:
        """Bits, a length that lies, JSON, and text that is not UTF-8."""
        call = channel.unary_unary(IDENTIFY)(request_, metadata=SHOP.metadata())

        assert await refusal(call) == (grpc.StatusCode.INVALID_ARGUMENT, "BAD_REQUEST", ())

    async def test_nothing_at_all(self, channel: Any) -> None:
        """An empty message is a message without an environment."""
        call = channel.unary_unary(IDENTIFY)(b"", metadata=SHOP.metadata())

        assert await refusal(call) == (
            grpc.StatusCode.INVALID_ARGUMENT, "VALIDATION_ERROR", ("environment",),
        )  # fmt: skip

    async def test_unknown_fields_are_ignored(self, channel: Any) -> None:
        """A newer client must be able to talk to us."""
        call = channel.unary_unary(IDENTIFY)(
            GOOD.SerializeToString() + b"\xfa\x3f\x01x", metadata=SHOP.metadata()
        )

        assert pb.IdentifyResponse.FromString(await call).mpid

    async def test_garbage_in_a_stream(self, channel: Any) -> None:
        """What came before is answered."""
        good = pb.StreamResolveRequest(call=pb.ResolveCall(identify=GOOD)).SerializeToString()
        call = channel.stream_stream(STREAM)(iter([good, b"\xff"]), metadata=SHOP.metadata())

        answer = pb.StreamResolveResponse.FromString(await anext(aiter(call)))
        assert answer.result.identify.mpid
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await anext(aiter(call))
        assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT

    async def test_unknown_rpc(self, channel: Any) -> None:
        call = channel.unary_unary("/idsync.v1.IdentityService/Guess")(b"", metadata=SHOP.metadata())

        assert (await refusal(call))[0] is grpc.StatusCode.UNIMPLEMENTED


class TestSize:
    async def test_too_large_for_a_call(self, channel: Any) -> None:
        """ID-242."""
        request = pb.IdentifyRequest(request_id="x" * 300_000).SerializeToString()
        call = channel.unary_unary(IDENTIFY)(request, metadata=SHOP.metadata())

        assert await refusal(call) == (grpc.StatusCode.INVALID_ARGUMENT, "VALIDATION_ERROR", ())

    async def test_too_large_for_the_transport(self, channel: Any) -> None:
        call = channel.unary_unary(IDENTIFY)(b"\x22" * 5_000_000, metadata=SHOP.metadata())

        assert (await refusal(call))[0] is grpc.StatusCode.RESOURCE_EXHAUSTED

    async def test_many_identities(self, channel: Any) -> None:
        """A list of ten thousand costs one look at it, and the error stays short."""
        request = pb.IdentifyRequest(environment=identity_pb2.ENVIRONMENT_PRODUCTION)
        for _ in range(10_000):
            request.known_identities.add(type=identity_pb2.IDENTITY_TYPE_EMAIL, value="x")
        call = channel.unary_unary(IDENTIFY)(request.SerializeToString(), metadata=SHOP.metadata())

        code, reason, fields = await refusal(call)

        assert (code, reason) == (grpc.StatusCode.INVALID_ARGUMENT, "VALIDATION_ERROR")
        assert 0 < len(fields) <= 10


class TestCredentials:
    @pytest.mark.parametrize(
        "metadata",
        [
            (),
            (("authorization", ""),),
            (("authorization", "Basic"),),
            (("authorization", "Basic c2hvcC13ZWI6d3Jvbmc="),),
            (("authorization", "Key club"),),
            (("authorization", "Bearer shop-secret"),),
            (("authorization", "Signature shop-web"),),
            (("authorization-bin", b"Basic"),),
        ],
    )
    async def test_missing_or_wrong(self, channel: Any, metadata: Any) -> None:
        """ID-222; nothing in the message is looked at before (ID-233)."""
        call = channel.unary_unary(IDENTIFY)(b"\xff", metadata=metadata)

        assert await refusal(call) == (grpc.StatusCode.UNAUTHENTICATED, "UNAUTHENTICATED", ())

    @pytest.mark.parametrize("address", ["one process"], indirect=True)
    async def test_signature(self, channel: Any, clock: ManualClock) -> None:
        """ID-224, with a text near the largest body (ID-242), sent twice."""
        date = "20260101T000000Z"
        texts = [
            signed_text("POST", date, path, b"x" * 250_000) for path in ("/v1/identify", "/v1/identify?cb=1")
        ]
        metadata = [
            ("authorization", "Signature shop-feed"),
            ("idsync-date", date),
            ("idsync-signature", signature_of("feed-secret", texts[1])),
            *(("idsync-signed-text-bin", text) for text in texts),
        ]
        call = channel.unary_unary(IDENTIFY)(GOOD.SerializeToString(), metadata=metadata)
        assert await call
        clock.advance(15 * 60_000 + 1)

        late = channel.unary_unary(IDENTIFY)(GOOD.SerializeToString(), metadata=metadata)

        assert (await refusal(late))[:2] == (grpc.StatusCode.UNAUTHENTICATED, "UNAUTHENTICATED")

    async def test_streams_and_pages(self, channel: Any) -> None:
        """Every rpc asks, also those that only look."""
        for path in ("IdentityService/StreamResolve", "GraphService/WatchChanges", "AdminService/ListScopes"):
            call = channel.unary_unary(f"/idsync.v1.{path}")(b"")

            assert (await refusal(call))[0] is grpc.StatusCode.UNAUTHENTICATED

    async def test_key_of_another_workspace(self, client: AsyncClient) -> None:
        """It opens its own scope and no other (ID-002)."""
        mine = (await client.identify(GOOD)).mpid

        assert (await client.identify(GOOD, credentials=CLUB)).mpid != mine


class TestAnswers:
    async def test_trace_id(self, channel: Any) -> None:
        """ID-235: on every answer, failures too."""
        good = channel.unary_unary(IDENTIFY)(GOOD.SerializeToString(), metadata=SHOP.metadata())
        bad = channel.unary_unary(IDENTIFY)(b"", metadata=SHOP.metadata())
        stream = channel.stream_stream(STREAM)(iter([]), metadata=SHOP.metadata())
        await good
        await refusal(bad)
        assert [answer async for answer in stream] == []

        ids = [dict([*await call.trailing_metadata()])["x-mp-trace-id"] for call in (good, bad, stream)]

        assert len({trace_id for trace_id in ids if len(trace_id) == 16}) == 3

    async def test_fields_at_fault(self, channel: Any) -> None:
        request = pb.IdentifyRequest(environment=identity_pb2.ENVIRONMENT_PRODUCTION)
        request.known_identities.add(value="x")
        call = channel.unary_unary(IDENTIFY)(request.SerializeToString(), metadata=SHOP.metadata())

        assert await refusal(call) == (
            grpc.StatusCode.INVALID_ARGUMENT, "VALIDATION_ERROR", ("known_identities[0].type",),
        )  # fmt: skip
