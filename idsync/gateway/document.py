"""The OpenAPI document, written from the table that routes the calls.

FastAPI writes it and answers nothing. It is loaded when somebody asks for the first time: a service that
nobody asks does without.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator, Sequence
from inspect import Parameter, Signature
from typing import TYPE_CHECKING, Annotated, Any, Final

import orjson
from starlette.requests import Request
from starlette.responses import Response

from idsync.gateway.operations import ERRORS_OF, Audience, Operation

if TYPE_CHECKING:
    from idsync.gateway.routes import Entry

__all__ = ["Document"]

_PARAMETER: Final = re.compile(r"{(\w+)}")
_ALIAS: Final = "{alias:alias}"
_EMPTY: Final = frozenset({304, 401})
"""Statuses whose answers have no body."""

_SECURITY: Final[dict[Audience, list[dict[str, list[str]]]]] = {
    Audience.APPS: [{"key": []}, {"basic": []}],
    Audience.UPLOADS: [],
    Audience.SERVERS: [{"basic": []}],
    Audience.SETTINGS: [],
    Audience.OPERATORS: [{"basic": []}, {"operator": []}],
    Audience.TOOLS: [],
}
_SCHEMES: Final = {
    "key": {"type": "apiKey", "in": "header", "name": "x-mp-key"},
    "basic": {"type": "http", "scheme": "basic"},
    "operator": {"type": "http", "scheme": "bearer"},
}
_UNSERVED: Final = {404: "There is no such path.", 405: "The path is served by another method."}
"""What any path may be answered before anybody reads the request."""
_PLAIN: Final = {"text/plain": {"schema": {"type": "string"}}}
_TRACE: Final = {
    "X-MP-Trace-Id": {"schema": {"type": "string"}, "description": "Names the request in the log."}
}
_AGAIN: Final = {"Retry-After": {"schema": {"type": "string"}, "description": "Whole seconds."}}


class Document:
    """Answers with the document of a table, which is written once."""

    def __init__(self) -> None:
        """Build it without a table; `describe` brings that."""
        self._entries: Sequence[Entry] = ()
        self._written = b""

    def describe(self, entries: Sequence[Entry]) -> None:
        """Take the table."""
        self._entries = entries

    async def show(self, _request: Request) -> Response:
        """Show the document."""
        if not self._written:
            # takes a second the first time, most of it for loading FastAPI, which nobody has to wait for
            self._written = await asyncio.to_thread(lambda: orjson.dumps(_document(self._entries)))
        return Response(self._written, media_type="application/json")


def _document(entries: Sequence[Entry]) -> dict[str, Any]:
    from importlib.metadata import version  # noqa: PLC0415 - with the rest of what only this needs

    from fastapi import APIRouter  # noqa: PLC0415 - see the module
    from fastapi.openapi.utils import get_openapi  # noqa: PLC0415

    router = APIRouter()
    for entry in entries:
        for prefix, path in _paths(entry):
            router.add_api_route(
                prefix + path,
                _endpoint(path, entry.operation),
                methods=[entry.method],
                operation_id=_identifier(prefix, path, entry.operation),
                summary=entry.operation.summary,
                tags=[entry.operation.audience.value],
                status_code=entry.operation.status,
                response_class=Response,
                responses=dict(_responses(entry.operation)),
                openapi_extra={"security": _security(entry.operation)},
            )
    document = get_openapi(title="IDSync", version=version("idsync"), routes=router.routes)
    components = document.setdefault("components", {})
    components["securitySchemes"] = _SCHEMES
    # FastAPI speaks of its own checks, which never run
    for name in ("HTTPValidationError", "ValidationError"):
        components.get("schemas", {}).pop(name, None)
    for calls in document["paths"].values():
        for call in calls.values():
            call["responses"].pop("422", None)
    return document


def _security(operation: Operation) -> list[dict[str, list[str]]]:
    return [] if operation.has_key_in_path else _SECURITY[operation.audience]


def _paths(entry: Entry) -> Iterator[tuple[str, str]]:
    for prefix in ("", *entry.prefixes):
        if _ALIAS in entry.path:
            # browsers write it with a capital, devices without
            yield prefix, entry.path.replace(_ALIAS, "alias")
            yield prefix, entry.path.replace(_ALIAS, "Alias")
        else:
            yield prefix, entry.path


def _identifier(prefix: str, path: str, operation: Operation) -> str:
    behind = f"_behind_{prefix.strip('/')}" if prefix else ""
    return operation.name + ("_capital" if path.endswith("/Alias") else "") + behind


def _endpoint(path: str, operation: Operation) -> Any:
    """Make a function that has the parameters of the call, for FastAPI to look at."""
    from fastapi import Body, Path, Query  # noqa: PLC0415

    from idsync.gateway.schemas import SCHEMAS  # noqa: PLC0415

    parameters = [
        Parameter(name, Parameter.KEYWORD_ONLY, annotation=Annotated[str, Path(min_length=1)])
        for name in _PARAMETER.findall(path)
    ]
    parameters += [
        Parameter(
            name,
            Parameter.KEYWORD_ONLY,
            annotation=Annotated[str | None, Query(description=said)],
            default=None,
        )
        for name, said in operation.query.items()
    ]
    if operation.takes:
        schema = SCHEMAS[operation.takes]
        parameters.append(Parameter("body", Parameter.KEYWORD_ONLY, annotation=schema, default=Body()))

    def endpoint() -> None:
        """Answer nothing."""

    endpoint.__doc__ = None
    endpoint.__signature__ = Signature(parameters)  # type: ignore[attr-defined]
    return endpoint


def _responses(operation: Operation) -> Iterator[tuple[int | str, dict[str, Any]]]:
    from idsync.gateway.schemas import SCHEMAS  # noqa: PLC0415

    good: dict[str, Any] = {"description": "It is done.", "headers": _TRACE}
    if operation.gives:
        good["model"] = SCHEMAS[operation.gives]
    yield operation.status, good
    error = SCHEMAS["IdentityError" if operation.audience is Audience.APPS else "EventError"]
    for status, said in sorted((ERRORS_OF[operation.audience] | operation.may_be).items()):
        answer: dict[str, Any] = {"description": said, "headers": _TRACE}
        if status in _UNSERVED:
            answer["content"] = _PLAIN
        if status in {429, 503}:
            answer["headers"] = _TRACE | _AGAIN
        if status not in _EMPTY:
            answer["model"] = SCHEMAS["Fault"] if operation.takes == "AliasBody" else error
        yield status, answer
    for status, said in _UNSERVED.items():
        if status in ERRORS_OF[operation.audience] | operation.may_be:
            continue
        yield status, {"description": said, "headers": _TRACE, "content": _PLAIN}
