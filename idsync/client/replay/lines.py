"""The lines of a traffic file, as docs/traffic.md describes them, made into requests."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

import orjson

from idsync.model.identity import TYPES_BY_NAME, Environment, IdentityType
from idsync.model.values import absence
from idsync.v1 import identity_pb2
from idsync.v1 import identity_service_pb2 as pb

__all__ = ["Line", "MalformedLineError", "Request", "ResolveRequest", "read_line"]

ResolveRequest: TypeAlias = pb.IdentifyRequest | pb.LoginRequest | pb.LogoutRequest | pb.SearchRequest
Request: TypeAlias = ResolveRequest | pb.ModifyRequest

_RESOLVING: Final[Mapping[str, type[ResolveRequest]]] = {
    "identify": pb.IdentifyRequest,
    "login": pb.LoginRequest,
    "logout": pb.LogoutRequest,
    "search": pb.SearchRequest,
}
_ENVIRONMENTS: Final = {environment.wire_name: environment for environment in Environment}
_MPID_LIMIT: Final = 2**63


class MalformedLineError(ValueError):
    """A line that is no call; the text says what is wrong with it, and never what stands in it."""


@dataclass(frozen=True, slots=True)
class Line:
    """One call of a traffic file.

    Attributes:
        number: Its place in the file, from 1.
        call: `identify`, `login`, `logout`, `search` or `modify`.
        request: Complete, but for the MPID of a line that refers to another one.
        refers_to: The line whose answer brings that MPID.
        ties: What it has in common with lines it must not overtake, and which must not overtake it.
    """

    number: int
    call: str
    request: Request
    refers_to: int | None
    ties: frozenset[Hashable]


def read_line(number: int, text: bytes, environment: Environment = Environment.PRODUCTION) -> Line:
    """Read one line.

    Only what a request cannot express is judged here; all else is sent for the service to judge.

    Args:
        number: Its place in the file, from 1.
        text: JSON, with or without its line end.
        environment: The environment of a line that names none.

    Raises:
        MalformedLineError: It is not a call of the documented form.
    """
    try:
        members = orjson.loads(text)
    except orjson.JSONDecodeError:
        raise MalformedLineError("not JSON") from None
    if not isinstance(members, dict):
        raise MalformedLineError("not a JSON object")
    graph = _environment(members, environment)
    request_id = members.get("request_id", "")
    if not isinstance(request_id, str):
        raise MalformedLineError("request_id is not a string")
    call = members.get("call")
    if call == "modify":
        return _modify(number, members, graph, request_id)
    if not isinstance(call, str) or call not in _RESOLVING:
        raise MalformedLineError("call is not one of identify, login, logout, search, modify")
    return _resolve(number, call, members, graph, request_id)


def _resolve(number: int, call: str, members: Mapping[str, Any], graph: Environment, request_id: str) -> Line:
    known = members.get("known_identities")
    if not isinstance(known, dict):
        raise MalformedLineError("known_identities is missing or not an object")
    identities = [(_type(name), _value(value) or "") for name, value in known.items()]
    reference, mpid = _reference(number, members, "previous", "previous_mpid")
    read_only = members.get("read_only", False)
    if not isinstance(read_only, bool):
        raise MalformedLineError("read_only is not true or false")
    request = _RESOLVING[call](
        environment=identity_pb2.Environment.ValueType(graph),
        known_identities=[
            identity_pb2.Identity(type=identity_pb2.IdentityType.ValueType(t), value=v) for t, v in identities
        ],
        previous_mpid=mpid,
        request_id=request_id,
        read_only=read_only,
    )
    return Line(number, call, request, reference, _ties(graph, identities, reference, mpid))


def _modify(number: int, members: Mapping[str, Any], graph: Environment, request_id: str) -> Line:
    listed = members.get("identity_changes")
    if not isinstance(listed, list) or not all(isinstance(change, dict) for change in listed):
        raise MalformedLineError("identity_changes is missing or not a list of objects")
    changes = [
        (_type(change.get("identity_type")), _value(change.get("old_value")), _value(change.get("new_value")))
        for change in listed
    ]
    reference, mpid = _reference(number, members, "of", "mpid")
    if reference is None and mpid is None:
        raise MalformedLineError("a modify needs of or mpid")
    request = pb.ModifyRequest(
        environment=identity_pb2.Environment.ValueType(graph),
        mpid=mpid or 0,
        identity_changes=[
            pb.IdentityChange(type=identity_pb2.IdentityType.ValueType(t), old_value=old, new_value=new)
            for t, old, new in changes
        ],
        request_id=request_id,
    )
    values = [(t, value) for t, old, new in changes for value in (old, new) if value is not None]
    return Line(number, "modify", request, reference, _ties(graph, values, reference, mpid))


def _ties(
    graph: Environment, values: list[tuple[IdentityType, str]], reference: int | None, mpid: int | None
) -> frozenset[Hashable]:
    """Collect what orders a line: who it is about, by value, by MPID and by reference.

    Values that identify nobody (ID-024, ID-025) would tie everybody to everybody.
    """

    def all_ties() -> Iterator[Hashable]:
        for identity_type, value in values:
            if absence(identity_type, value) is None:
                yield graph, identity_type, value
        if mpid is not None:
            yield "mpid", mpid
        if reference is not None:
            yield "line", reference

    return frozenset(all_ties())


def _environment(members: Mapping[str, Any], default: Environment) -> Environment:
    name = members.get("environment", default.wire_name)
    found = _ENVIRONMENTS.get(name) if isinstance(name, str) else None
    if found is None:
        raise MalformedLineError("environment is not production or development")
    return found


def _type(name: object) -> IdentityType:
    found = TYPES_BY_NAME.get(name) if isinstance(name, str) else None
    if found is None:
        # A name is not shown: whoever confuses name and value would find an identity in the log.
        raise MalformedLineError("an identity type is missing or unknown")
    return found


def _value(value: object) -> str | None:
    if value is None or isinstance(value, str):
        return value
    raise MalformedLineError("an identity value is neither a string nor null")


def _reference(
    number: int, members: Mapping[str, Any], by_line: str, by_mpid: str
) -> tuple[int | None, int | None]:
    """Read whom a line means: by an earlier line, by MPID, or not at all."""
    line, mpid = members.get(by_line), members.get(by_mpid)
    if line is not None and mpid is not None:
        raise MalformedLineError(f"{by_line} and {by_mpid} exclude each other")
    if line is not None:
        if type(line) is not int or not 1 <= line < number:
            raise MalformedLineError(f"{by_line} is not the number of an earlier line")
        return line, None
    if mpid is None:
        return None, None
    if isinstance(mpid, str) and mpid.removeprefix("-").isdecimal() and mpid.isascii():
        mpid = int(mpid)
    if type(mpid) is not int or not -_MPID_LIMIT <= mpid < _MPID_LIMIT:
        raise MalformedLineError(f"{by_mpid} is not a signed 64-bit integer")
    return None, mpid
