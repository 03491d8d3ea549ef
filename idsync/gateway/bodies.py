"""JSON bodies to typed requests (ID-228, ID-230, ID-231), strict about what they read and blind to the rest.

Here is only what the typed interface cannot say any more: that something is no text, no number, no list.
Lengths, emptiness, doubled types and counts are judged by the service, alike for all its surfaces. Both
together report the first fault in the order of ID-233.
"""

from __future__ import annotations

import json
from typing import Final, TypeVar

from google.protobuf.timestamp_pb2 import Timestamp

from idsync.gateway.mpids import parse_mpid
from idsync.gateway.payload import BAD_REQUEST, parse_object
from idsync.model.errors import InvalidAliasError, InvalidRequestError
from idsync.model.identity import TYPES_BY_NAME
from idsync.v1 import identity_pb2 as nouns
from idsync.v1 import identity_service_pb2 as pb

__all__ = [
    "ResolveMessage",
    "alias_request",
    "may_repeat_types",
    "modify_request",
    "request_id_of",
    "resolve_message",
    "resolve_request",
]

ResolveMessage = TypeVar(
    "ResolveMessage", pb.IdentifyRequest, pb.LoginRequest, pb.LogoutRequest, pb.SearchRequest
)

_ENVIRONMENTS: Final = {
    "production": nouns.ENVIRONMENT_PRODUCTION,
    "development": nouns.ENVIRONMENT_DEVELOPMENT,
}
_TYPES: Final = {name: nouns.IdentityType.ValueType(number) for name, number in TYPES_BY_NAME.items()}
_QUOTED_TYPES: Final = {name: f'"{name}"'.encode() for name in TYPES_BY_NAME}
_PLATFORMS: Final = frozenset(
    {"ios", "android", "web", "tvos", "roku", "alexa", "smart_tv", "fire", "xbox", "other"}
)
_INT64_MAX: Final = 2**63 - 1


def resolve_request(kind: type[ResolveMessage], text: bytes, *, read_only: bool) -> ResolveMessage:
    """Read the body of identify, login, logout or search (ID-228).

    Args:
        kind: The request to make.
        text: The body before any compression.
        read_only: The flag of the query (ID-088).

    Raises:
        InvalidRequestError: The first fault, in the order of ID-233; what is wrong with values that are
            texts is left to the service.
    """
    return resolve_message(kind, parse_object(text), text, read_only=read_only)


def resolve_message(
    kind: type[ResolveMessage],
    body: dict[str, object],
    text: bytes,
    *,
    read_only: bool,
    is_plain: bool = False,
) -> ResolveMessage:
    """Read a body that is parsed already; see `resolve_request`.

    Args:
        kind: The request to make.
        body: The parsed body.
        text: The same before it was parsed.
        read_only: The flag of the query (ID-088).
        is_plain: Whether it is known that no identity type is written twice.

    Raises:
        InvalidRequestError: As for `resolve_request`.
    """
    request = kind()
    request.environment = _environment(body)
    previous = body.get("previous_mpid")
    if previous is not None and previous != "":
        request.previous_mpid = _mpid(previous, "previous_mpid")
    _read_known_identities(request, body.get("known_identities"), None if is_plain else text)
    request.request_id = request_id_of(body)
    if read_only:
        request.read_only = True
    _read_client_sdk(request, body.get("client_sdk"))
    return request


def modify_request(mpid: str, text: bytes) -> pb.ModifyRequest:
    """Read the body of a modify (ID-230).

    Args:
        mpid: As it stands in the path.
        text: The body before any compression.

    Raises:
        InvalidRequestError: As for `resolve_request`.
    """
    body = parse_object(text)
    environment = _environment(body)
    target = _mpid(mpid, "mpid")
    changes = body.get("identity_changes")
    if not isinstance(changes, list) or not changes:
        raise _invalid("identity_changes must be a list with at least one change", "identity_changes")
    request = pb.ModifyRequest(
        environment=environment,
        mpid=target,
        identity_changes=[_change(change) for change in changes],
        request_id=request_id_of(body),
    )
    _read_client_sdk(request, body.get("client_sdk"))
    return request


def alias_request(text: bytes) -> pb.AliasRequest:
    """Read the body of an alias request (ID-231).

    The envelope may lack an environment; one that is there must be one of the two. The `api_key` in the
    body is not compared (ID-226).

    Raises:
        InvalidAliasError: It is malformed (ID-182), or a time or the scope is of the wrong type.
    """
    try:
        body = parse_object(text)
        environment = nouns.ENVIRONMENT_UNSPECIFIED if body.get("environment") is None else _environment(body)
        data = body.get("data")
        if not isinstance(data, dict):
            raise _invalid("data must be an object", "data")
        return pb.AliasRequest(
            environment=environment,
            source_mpid=_mpid(data.get("source_mpid"), "source_mpid"),
            destination_mpid=_mpid(data.get("destination_mpid"), "destination_mpid"),
            start_time=_time(data.get("start_unixtime_ms"), "start_unixtime_ms"),
            end_time=_time(data.get("end_unixtime_ms"), "end_unixtime_ms"),
            scope=_optional_text(data.get("scope"), "scope"),
            device_application_stamp=_optional_text(
                data.get("device_application_stamp"), "device_application_stamp"
            ),
            request_id=request_id_of(body),
        )
    except InvalidRequestError as error:
        raise InvalidAliasError(error.message, fields=error.fields) from None


def request_id_of(body: dict[str, object]) -> str:
    """Find the caller's word for this request, in either spelling; empty if there is none (ID-228)."""
    for name in ("request_id", "requestId"):
        value = body.get(name)
        if type(value) is str:
            return value
    return ""


def _environment(body: dict[str, object]) -> nouns.Environment.ValueType:
    value = body.get("environment")
    environment = _ENVIRONMENTS.get(value) if type(value) is str else None
    if environment is None:
        raise _invalid("environment must be production or development", "environment")
    return environment


def _mpid(value: object, field: str) -> int:
    mpid = parse_mpid(value)
    if mpid is None:
        raise _invalid(f"{field} must be a signed 64-bit integer", field)
    return mpid


def _read_known_identities(request: ResolveMessage, known: object, text: bytes | None) -> None:
    if known is None:
        return
    if not isinstance(known, dict):
        raise _invalid("known_identities must be an object", "known_identities")
    add = request.known_identities.add
    for name, value in known.items():
        if name not in _TYPES:
            # The name is not repeated in the answer: callers have been seen to put values there.
            raise _invalid("known_identities has an unknown identity type", "known_identities")
        if type(value) is str:
            # Field by field, a message is filled in two thirds of the time that keywords take.
            identity = add()
            identity.type = _TYPES[name]
            identity.value = value
        elif value is not None:
            raise _invalid(f"known_identities.{name} must be a string", f"known_identities.{name}")
    if text is not None and may_repeat_types(known, text):
        _refuse_repeated_types(text)


def may_repeat_types(known: dict[str, object], text: bytes) -> bool:
    """Say whether a member of `known_identities` may be written twice, of which parsing shows only the last.

    Args:
        known: As parsed.
        text: The whole body.
    """
    # A name is repeated if it is there twice; escapes of ASCII characters could hide it.
    if b"\\u00" in text:
        return True
    for name in known:
        quoted = _QUOTED_TYPES.get(name)
        if quoted is None or text.count(quoted) > 1:
            return True
    return False


def _refuse_repeated_types(text: bytes) -> None:
    """Refuse a member of `known_identities` that is written twice, of which parsing shows only the last."""
    try:
        members: list[tuple[str, object]] = json.loads(text, object_pairs_hook=_Members)
    except RecursionError:
        raise InvalidRequestError("the body is nested too deeply", reason=BAD_REQUEST) from None
    names = [
        name
        for member, value in members
        if member == "known_identities" and isinstance(value, _Members)
        for name, _ in value
    ]
    if len(names) != len(set(names)):
        raise _invalid("known_identities has a type twice", "known_identities")


class _Members(list[tuple[str, object]]):
    """A JSON object with its members as written, repeated ones too."""


def _change(change: object) -> pb.IdentityChange:
    if not isinstance(change, dict):
        raise _invalid("identity_changes must hold objects", "identity_changes")
    name = change.get("identity_type")
    identity_type = _TYPES.get(name) if type(name) is str else None
    if identity_type is None:
        raise _invalid("identity_changes has an unknown identity type", "identity_changes.identity_type")
    return pb.IdentityChange(
        type=identity_type,
        old_value=_optional_text(change.get("old_value"), "identity_changes.old_value"),
        new_value=_optional_text(change.get("new_value"), "identity_changes.new_value"),
    )


def _optional_text(value: object, field: str) -> str | None:
    if value is None or type(value) is str:
        return value
    raise _invalid(f"{field} must be a string", field)


def _time(value: object, field: str) -> Timestamp | None:
    if value is None:
        return None
    if type(value) is not int or abs(value) > _INT64_MAX:
        raise _invalid(f"{field} must be a time in milliseconds", field)
    return Timestamp(seconds=value // 1000, nanos=value % 1000 * 1_000_000)


def _read_client_sdk(request: ResolveMessage | pb.ModifyRequest, value: object) -> None:
    if isinstance(value, dict):
        client_sdk = request.client_sdk
        platform = _text_or_empty(value.get("platform"))
        client_sdk.platform = platform if platform in _PLATFORMS or not platform else "other"
        client_sdk.sdk_vendor = _text_or_empty(value.get("sdk_vendor"))
        client_sdk.sdk_version = _text_or_empty(value.get("sdk_version"))


def _text_or_empty(value: object) -> str:
    return value if type(value) is str else ""


def _invalid(message: str, field: str) -> InvalidRequestError:
    return InvalidRequestError(message, fields=(field,))
