"""Steps to typed requests, for every surface that is not HTTP.

What a typed interface has its own way to say is said that way: a missing environment or list is an unset
field, a word that names no type or environment becomes a number that names none (ID-233), and `null` a blank
value, as both count as not sent (ID-024). What it cannot say is `InexpressibleError`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, TypeAlias, TypeVar

from google.protobuf.timestamp_pb2 import Timestamp

from idsync.model.identity import TYPES_BY_NAME, Environment
from idsync.testing.scenario.case import Call, Capability, Step
from idsync.testing.scenario.surface import NEEDS, InexpressibleError
from idsync.testing.scenario.symbols import MPID_MEMBERS, is_symbol
from idsync.v1 import identity_pb2 as nouns
from idsync.v1 import identity_service_pb2 as pb

__all__ = [
    "CLIENT",
    "TypedRequest",
    "alias_time_ms",
    "environment_name",
    "environment_of",
    "flag",
    "typed_request",
]

TypedRequest: TypeAlias = (
    pb.IdentifyRequest
    | pb.LoginRequest
    | pb.LogoutRequest
    | pb.SearchRequest
    | pb.ModifyRequest
    | pb.AliasRequest
)
T = TypeVar("T")

CLIENT: Final[Mapping[str, str]] = {"platform": "other", "sdk_vendor": "idsync", "sdk_version": "scenario"}
"""The description of the client that the runner adds to requests."""

_NO_ENUM: Final = 1_000
"""A number that names nothing, for a word that names nothing."""
_ENVIRONMENTS: Final = {environment.wire_name: environment.value for environment in Environment}
_INT64: Final = range(-(2**63), 2**63)
_MPID: Final = re.compile(r"0|-?[1-9][0-9]{0,18}", re.ASCII)
"""An MPID as the service writes it (ID-007)."""
_TIME: Final = re.compile(r"now(?:([+-])(\d{1,9})([dhm]))?")
_UNIT_MS: Final = {"d": 86_400_000, "h": 3_600_000, "m": 60_000}
_KINDS: Final[Mapping[Call, Callable[..., TypedRequest]]] = {
    Call.IDENTIFY: pb.IdentifyRequest,
    Call.LOGIN: pb.LoginRequest,
    Call.LOGOUT: pb.LogoutRequest,
    Call.SEARCH: pb.SearchRequest,
}
_COMMON: Final = ("environment", "request_id", "client_sdk")
_RESOLVE: Final = frozenset({*_COMMON, "known_identities", "previous_mpid"})
_MODIFY: Final = frozenset({*_COMMON, "mpid", "identity_changes"})
_ALIAS: Final = frozenset(
    {
        "environment",
        "request_id",
        "source_mpid",
        "destination_mpid",
        "start",
        "end",
        "scope",
        "device_application_stamp",
    }
)


def typed_request(step: Step, request_id: str, now_ms: int) -> TypedRequest:
    """Build the request of a step; a symbol that is not bound yet stands for 0.

    Args:
        step: Any call but `delete` and `http`.
        request_id: Added unless the step names or omits one.
        now_ms: What `now` means in the times of an alias, UTC milliseconds.

    Raises:
        InexpressibleError: The typed interface cannot say it.
    """
    request = {
        name: "0" if name in MPID_MEMBERS and is_symbol(value) else value
        for name, value in step.request.items()
    }
    try:
        if step.call in _KINDS:
            return _resolve(step, request, request_id)
        if step.call is Call.MODIFY:
            return _modify(step, request, request_id)
        if step.call is Call.ALIAS:
            return _alias(step, request, request_id, now_ms)
    except UnicodeEncodeError:
        raise InexpressibleError("a lone surrogate is no text of a typed interface") from None
    raise InexpressibleError(NEEDS[Capability.HTTP])


def _resolve(step: Step, request: Mapping[str, Any], request_id: str) -> TypedRequest:
    _refuse_others(request, _RESOLVE)
    if flag(step.query.get("return_matches"), default=True) is False:
        raise InexpressibleError("return_matches is a flag of HTTP only")
    return _KINDS[step.call](
        environment=_environment(step),
        known_identities=list(_identities(request.get("known_identities"))),
        previous_mpid=_optional(request, "previous_mpid", _mpid),
        request_id=_request_id(step, request, request_id),
        read_only=flag(step.query.get("read_only"), default=False),
        client_sdk=_client(step, request),
    )


def _modify(step: Step, request: Mapping[str, Any], request_id: str) -> pb.ModifyRequest:
    _refuse_others(request, _MODIFY)
    changes = request.get("identity_changes")
    if changes is not None and not isinstance(changes, list):
        raise InexpressibleError("identity_changes can only be a list on a typed interface")
    return pb.ModifyRequest(
        environment=_environment(step),
        mpid=_mpid("mpid", request.get("mpid")),
        identity_changes=[_change(change) for change in changes or ()],
        request_id=_request_id(step, request, request_id),
        client_sdk=_client(step, request),
    )


def _alias(step: Step, request: Mapping[str, Any], request_id: str, now_ms: int) -> pb.AliasRequest:
    _refuse_others(request, _ALIAS)

    def time(name: str, value: Any) -> Timestamp:
        at_ms = alias_time_ms(value, now_ms)
        if type(at_ms) is not int:
            raise InexpressibleError(f"{name} can only be a time on a typed interface")
        return Timestamp(seconds=at_ms // 1_000, nanos=at_ms % 1_000 * 1_000_000)

    return pb.AliasRequest(
        environment=_environment(step),
        source_mpid=_optional(request, "source_mpid", _mpid),
        destination_mpid=_optional(request, "destination_mpid", _mpid),
        start_time=_optional(request, "start", time),
        end_time=_optional(request, "end", time),
        scope=_optional(request, "scope", _text),
        device_application_stamp=_optional(request, "device_application_stamp", _text),
        request_id=_request_id(step, request, request_id),
    )


def alias_time_ms(value: Any, now_ms: int) -> Any:
    """Turn `now`, `now-10d` and the like into UTC milliseconds; anything else stays as it is."""
    found = _TIME.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        return value
    sign, count, unit = found.groups()
    return now_ms if sign is None else now_ms + int(f"{sign}{count}") * _UNIT_MS[unit]


def environment_name(step: Step) -> Any:
    """Give the environment to send: that of the request, else `production`; `None` for none at all."""
    if "environment" in step.request or "environment" in step.omit:
        return step.request.get("environment")
    return Environment.PRODUCTION.wire_name


def environment_of(step: Step) -> Environment:
    """Give the environment of a step that no client makes.

    Raises:
        InexpressibleError: It names none of the two.
    """
    number = _ENVIRONMENTS.get(str(environment_name(step)))
    if number is None:
        raise InexpressibleError(f"{step.call} needs an environment")
    return Environment(number)


def flag(value: Any, *, default: bool) -> bool:
    """Read a flag of the query: without regard to case, and everything but `true` is false (ID-090)."""
    return default if value is None else str(value).lower() == "true"


def _refuse_others(request: Mapping[str, Any], known: frozenset[str]) -> None:
    for name in request:
        if name not in known:
            raise InexpressibleError(f"{name} is no field of a typed interface")


def sent_request_id(step: Step, request_id: str) -> str:
    """Give the request id that a step really sends; empty if it is none that the journal could hold."""
    if step.http is not None or "request_id" in step.omit:
        return ""
    sent = step.request.get("request_id", request_id)
    return sent if isinstance(sent, str) else ""


def _environment(step: Step) -> Any:
    name = environment_name(step)
    if name is None:
        return 0
    if not isinstance(name, str):
        raise InexpressibleError("environment can only be an enum value on a typed interface")
    return _ENVIRONMENTS.get(name, _NO_ENUM)


def _request_id(step: Step, request: Mapping[str, Any], request_id: str) -> str:
    if "request_id" in request:
        return _text("request_id", request["request_id"])
    return "" if "request_id" in step.omit else request_id


def _client(step: Step, request: Mapping[str, Any]) -> nouns.ClientSdk | None:
    if "client_sdk" in step.omit:
        return None
    described = request.get("client_sdk", CLIENT)
    if not isinstance(described, Mapping) or not all(isinstance(v, str) for v in described.values()):
        raise InexpressibleError("client_sdk can only be a message of texts on a typed interface")
    return nouns.ClientSdk(**{name: described.get(name, "") for name in CLIENT})


def _identities(known: Any) -> Iterator[nouns.Identity]:
    if known is None:
        return
    if not isinstance(known, dict):
        raise InexpressibleError("known_identities can only be a list of identities on a typed interface")
    for name, value in known.items():
        yield nouns.Identity(
            type=_type(name), value="" if value is None else _text(f"known_identities.{name}", value)
        )


def _change(change: Any) -> pb.IdentityChange:
    if not isinstance(change, dict) or not isinstance(change.get("identity_type", ""), str):
        raise InexpressibleError("identity_changes can only hold messages on a typed interface")
    return pb.IdentityChange(
        type=_type(change["identity_type"]) if "identity_type" in change else 0,  # type: ignore[arg-type]
        old_value=_optional(change, "old_value", _text),
        new_value=_optional(change, "new_value", _text),
    )


def _type(name: str) -> Any:
    return TYPES_BY_NAME.get(name, _NO_ENUM)


def _optional(members: Mapping[str, Any], name: str, read: Callable[[str, Any], T]) -> T | None:
    value = members.get(name)
    return None if value is None else read(name, value)


def _text(name: str, value: Any) -> str:
    if not isinstance(value, str):
        raise InexpressibleError(f"{name} can only be a text on a typed interface")
    return value


def _mpid(name: str, value: Any) -> int:
    if type(value) is int and value in _INT64:
        return value
    if isinstance(value, str) and _MPID.fullmatch(value) and int(value) in _INT64:
        return int(value)
    raise InexpressibleError(f"{name} can only be a signed 64-bit integer on a typed interface")
