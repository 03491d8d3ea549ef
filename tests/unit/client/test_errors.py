"""Errors of ours, back from the wire (ID-236)."""

from __future__ import annotations

import grpc
import pytest
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message
from google.protobuf.struct_pb2 import Struct
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo, RetryInfo
from grpc import StatusCode
from grpc.aio import Metadata

from idsync.client import AsyncClient, error_of_result
from idsync.client.errors import error_of_rpc
from idsync.model.errors import (
    AlreadyErasedError,
    ConflictError,
    DeadlineExceededError,
    ForbiddenError,
    IdsyncError,
    InvalidAliasError,
    InvalidRequestError,
    LookupFailedError,
    NoSigningKeyError,
    NotFoundError,
    RateLimitedError,
    UnauthenticatedError,
    UnavailableError,
)
from idsync.v1 import error_reason_pb2, identity_service_pb2
from tests.unit.client.peer import Peer, Refusal

KINDS = {
    "BAD_REQUEST": InvalidRequestError,
    "VALIDATION_ERROR": InvalidRequestError,
    "LOOKUP_ERROR": LookupFailedError,
    "NOT_FOUND_ERROR": NotFoundError,
    "CONFLICT": ConflictError,
    "INVALID_DATA": InvalidAliasError,
    "UNAUTHENTICATED": UnauthenticatedError,
    "FORBIDDEN": ForbiddenError,
    "TOO_MANY_REQUESTS": RateLimitedError,
    "UNAVAILABLE": UnavailableError,
    "INTERNAL_ERROR": IdsyncError,
    "ALREADY_ERASED": AlreadyErasedError,
    "NO_SIGNING_KEY": NoSigningKeyError,
}


def info(reason: str, domain: str = "idsync", **metadata: str) -> ErrorInfo:
    return ErrorInfo(reason=reason, domain=domain, metadata=metadata)


async def raised(client: AsyncClient, peer: Peer, refusal: Refusal) -> IdsyncError:
    """The error of a call that is never repeated, so that one refusal suffices."""
    peer.answers.append(refusal)
    with pytest.raises(IdsyncError) as caught:
        await client.alias(identity_service_pb2.AliasRequest())
    return caught.value


def test_every_reason_of_the_contract_is_known() -> None:
    """A new reason needs an error of ours, or clients see less than the service says."""
    names = {name.removeprefix("ERROR_REASON_") for name, _ in error_reason_pb2.ErrorReason.items()}

    assert names - {"UNSPECIFIED"} == set(KINDS)


@pytest.mark.parametrize("reason", KINDS)
async def test_the_reason_decides(reason: str, client: AsyncClient, peer: Peer) -> None:
    """The code of ID-233 in the ErrorInfo names the error, whatever canonical code it came with."""
    error = await raised(client, peer, Refusal(StatusCode.DATA_LOSS, "a text", info(reason, at="here")))

    assert type(error) is KINDS[reason]
    assert (error.reason, error.message, error.metadata) == (reason, "a text", {"at": "here"})


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (StatusCode.INVALID_ARGUMENT, InvalidRequestError),
        (StatusCode.NOT_FOUND, NotFoundError),
        (StatusCode.UNAUTHENTICATED, UnauthenticatedError),
        (StatusCode.PERMISSION_DENIED, ForbiddenError),
        (StatusCode.RESOURCE_EXHAUSTED, RateLimitedError),
        (StatusCode.UNAVAILABLE, UnavailableError),
        (StatusCode.DEADLINE_EXCEEDED, DeadlineExceededError),
        (StatusCode.INTERNAL, IdsyncError),
        (StatusCode.UNIMPLEMENTED, IdsyncError),
        (StatusCode.CANCELLED, UnavailableError),
    ],
)
@pytest.mark.parametrize(
    "details",
    [
        pytest.param((), id="none"),
        pytest.param((info("FORBIDDEN_FRUIT"),), id="unknown reason"),
        pytest.param((info("FORBIDDEN", domain="example.com"),), id="another domain"),
        pytest.param((Struct(),), id="another detail"),
    ],
)
async def test_without_a_reason_the_canonical_code_decides(
    code: StatusCode, kind: type[IdsyncError], details: tuple[Message, ...], client: AsyncClient, peer: Peer
) -> None:
    """ID-236; a text that reads like another error changes nothing."""
    error = await raised(client, peer, Refusal(code, "NOT_FOUND_ERROR: FORBIDDEN", *details))

    assert type(error) is kind
    assert error.reason == kind.reason


async def test_metadata_of_another_domain_is_not_ours(client: AsyncClient, peer: Peer) -> None:
    """A proxy's words must not pass for those of the service."""
    error = await raised(
        client, peer, Refusal(StatusCode.INTERNAL, "no", info("X", "example.com", limit="org"))
    )

    assert error.metadata == {}


async def test_throttling_says_which_limit_and_how_long(client: AsyncClient, peer: Peer) -> None:
    """ID-234: the level in the metadata, the wait in RetryInfo."""
    wait = RetryInfo(retry_delay=Duration(seconds=2, nanos=500_000_000))
    refusal = Refusal(StatusCode.RESOURCE_EXHAUSTED, "slow", info("TOO_MANY_REQUESTS", limit="feed"), wait)

    error = await raised(client, peer, refusal)

    assert (error.retry_delay_s, error.metadata) == (2.5, {"limit": "feed"})


@pytest.mark.parametrize(
    ("details", "delay_s"),
    [
        ((RetryInfo(retry_delay=Duration(seconds=-3)),), 0.0),
        ((RetryInfo(retry_delay=Duration()),), 0.0),
        ((RetryInfo(),), 0.1),
        ((), 0.1),
    ],
    ids=["negative", "zero", "empty", "none"],
)
async def test_waits_that_make_no_sense(
    details: tuple[Message, ...], delay_s: float, client: AsyncClient, peer: Peer
) -> None:
    """A wait is never negative, and where none is named, a lost connection has a short one."""
    error = await raised(client, peer, Refusal(StatusCode.UNAVAILABLE, "gone", *details))

    assert error.retry_delay_s == delay_s


async def test_a_bad_request_names_its_fields(client: AsyncClient, peer: Peer) -> None:
    """BadRequest comes back as `fields`."""
    violations = [
        BadRequest.FieldViolation(field=name) for name in ("environment", "known_identities[1].type")
    ]
    refusal = Refusal(
        StatusCode.INVALID_ARGUMENT, "no", info("VALIDATION_ERROR"), BadRequest(field_violations=violations)
    )

    error = await raised(client, peer, refusal)

    assert isinstance(error, InvalidRequestError)
    assert error.fields == ("environment", "known_identities[1].type")


async def test_an_error_may_name_many_fields(client: AsyncClient, peer: Peer) -> None:
    """Details travel as metadata, of which gRPC takes a few kilobytes only unless told otherwise."""
    violations = [BadRequest.FieldViolation(field=f"known_identities[{n}].value") for n in range(5000)]
    refusal = Refusal(StatusCode.INVALID_ARGUMENT, "no", BadRequest(field_violations=violations))

    error = await raised(client, peer, refusal)

    assert isinstance(error, InvalidRequestError)
    assert len(error.fields) == 5000


async def test_a_detail_that_cannot_be_read_hides_no_other(client: AsyncClient, peer: Peer) -> None:
    """Garbage of one kind before good details of the same kind."""
    refusal = Refusal(StatusCode.INTERNAL, "no", info("FORBIDDEN"), info("FORBIDDEN"))
    refusal.status.details[0].value = b"\xff\xff\xff"

    error = await raised(client, peer, refusal)

    assert type(error) is ForbiddenError


@pytest.mark.parametrize(
    "details",
    [b"\xff\xff\xff", b"\x08\x05", b"\x08\x07\x12\x05other"],
    ids=["garbage", "another code", "another text"],
)
def test_a_status_that_contradicts_itself_is_none(details: bytes) -> None:
    """The canonical code decides alone when the details do not belong to it."""
    trailing = Metadata(("grpc-status-details-bin", details))
    error = grpc.aio.AioRpcError(StatusCode.PERMISSION_DENIED, Metadata(), trailing, "text")

    assert type(error_of_rpc(error)) is ForbiddenError


def test_an_error_in_a_batch_follows_the_same_rules() -> None:
    """A result's code, reason, text and wait become the error the call would have raised alone."""
    busy = identity_service_pb2.ResolveError(code=14, reason="UNAVAILABLE", message="busy", retry_delay_s=0.5)
    unknown = identity_service_pb2.ResolveError(code=5, reason="NEW", message="?")

    error = error_of_result(busy)

    assert (type(error), error.message, error.retry_delay_s) == (UnavailableError, "busy", 0.5)
    assert type(error_of_result(unknown)) is NotFoundError


@pytest.mark.parametrize("delay_s", [-1.0, float("inf"), float("nan")])
def test_an_error_in_a_batch_with_a_wait_that_makes_no_sense(delay_s: float) -> None:
    """The usual wait of the error stands instead."""
    error = error_of_result(identity_service_pb2.ResolveError(reason="UNAVAILABLE", retry_delay_s=delay_s))

    assert error.retry_delay_s == UnavailableError.retry_delay_s
