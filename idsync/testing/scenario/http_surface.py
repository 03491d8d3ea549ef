"""Scenarios over HTTP, where everything can be said, the malformed included."""

from __future__ import annotations

import base64
import importlib
import json
import re
from collections.abc import Mapping
from types import ModuleType
from typing import TYPE_CHECKING, Any, Final, cast
from urllib.parse import quote, urlencode

from idsync.model.errors import ConfigurationError
from idsync.model.identity import Mpid
from idsync.testing.scenario.case import Call, Capability, HttpMessage, Step
from idsync.testing.scenario.inspection import Inspector
from idsync.testing.scenario.requests import CLIENT, alias_time_ms, environment_name
from idsync.testing.scenario.service_surface import InputAccess, ServiceSurface
from idsync.testing.scenario.surface import Answer, Controls, Observed, Refusal

if TYPE_CHECKING:
    import httpx2

__all__ = ["HttpSurface", "http_client"]

_RESULT_MEMBERS: Final = ("mpid", "matched_identities", "is_logged_in", "is_ephemeral", "change_results")
_ALIAS_TIMES: Final = {"start": "start_unixtime_ms", "end": "end_unixtime_ms"}
_JSON: Final = {"content-type": "application/json"}
_FIRST_ERROR: Final = 400
_UNREACHABLE: Final = 503
_KEY: Final = "$key"
_DECIMAL: Final = re.compile(r"-?[0-9]{1,19}", re.ASCII)


def http_client(address: str) -> httpx2.AsyncClient:
    """Make a client for a service at HOST:PORT, or at a URL.

    Raises:
        ConfigurationError: The package `httpx2`, which only scenarios over HTTP need, is not installed.
    """
    url = address if "://" in address else f"http://{address}"
    client = _httpx2().AsyncClient(base_url=url, trust_env=False, timeout=10.0)
    return cast("httpx2.AsyncClient", client)


def _httpx2() -> ModuleType:
    try:
        return importlib.import_module("httpx2")
    except ImportError as error:
        raise ConfigurationError("scenarios over HTTP need httpx2: pip install httpx2") from error


class HttpSurface(ServiceSurface):
    """A service reached over HTTP; see `ServiceSurface`. Inspection goes its own way."""

    def __init__(
        self,
        client: httpx2.AsyncClient,
        inputs: Mapping[str, InputAccess],
        inspector: Inspector | None = None,
        controls: Controls | None = None,
    ) -> None:
        super().__init__(inputs, inspector, controls)
        self._client = client
        self._unreachable = _httpx2().TransportError

    @property
    def capabilities(self) -> frozenset[Capability]:
        """HTTP besides what any service has."""
        return super().capabilities | {Capability.HTTP}

    async def call(self, step: Step, request_id: str) -> Observed:
        """Send the request as it stands, and read what comes."""
        if step.call is Call.DELETE:
            return await self.delete(step)
        size = await self.journal_size()
        try:
            answer = await self._send(step, request_id)
        except self._unreachable as error:
            return Refusal(_UNREACHABLE, None, f"the service cannot be reached ({type(error).__name__})")
        observed = _observed(answer.status_code, answer.content)
        if isinstance(observed, Refusal):
            return await self.traced(observed, step, request_id, size)
        return observed

    async def _send(self, step: Step, request_id: str) -> httpx2.Response:
        access = self.inputs[step.workspace]
        if step.http is not None:
            message = _with_key(step.http, access.key)
            return await self._client.request(
                message.method, message.path, headers=message.headers, content=message.body.encode()
            )
        if step.call is Call.ALIAS:
            path, body = f"/v1/identity/{quote(access.key, safe='')}/alias", self._alias(step, request_id)
        elif step.call is Call.MODIFY:
            path = f"/v1/{quote(str(step.request['mpid']), safe='')}/modify"
            body = self._envelope(step, request_id) | {n: v for n, v in step.request.items() if n != "mpid"}
        else:
            path, body = f"/v1/{step.call}", self._envelope(step, request_id) | dict(step.request)
        # With escapes for everything outside ASCII even a lone surrogate can be sent as it stands.
        content = json.dumps(body).encode()
        query = {name: _query_word(value) for name, value in step.query.items()}
        target = f"{path}?{urlencode(query)}" if query else path
        return await self._client.post(target, headers=_headers(access, step), content=content)

    def _envelope(self, step: Step, request_id: str) -> dict[str, Any]:
        """Give what the surface demands and clients send; `omit` leaves members out."""
        members = {
            "client_sdk": CLIENT,
            "context": None,
            "environment": environment_name(step),
            "request_id": request_id,
            "request_timestamp_ms": self.now_ms(),
        }
        return {name: value for name, value in members.items() if name not in step.omit}

    def _alias(self, step: Step, request_id: str) -> dict[str, Any]:
        """Put the parameters into the envelope of ID-231."""
        outer = {"environment", "request_id", "api_key", "request_type"}
        members = {
            "request_id": request_id,
            "request_type": "alias",
            "environment": environment_name(step),
            "api_key": self.inputs[step.workspace].key,
        }
        data = {
            _ALIAS_TIMES.get(name, name): alias_time_ms(value, self.now_ms())
            if name in _ALIAS_TIMES
            else value
            for name, value in step.request.items()
            if name not in outer
        }
        named = {name: value for name, value in step.request.items() if name in outer}
        left = {name: value for name, value in members.items() if name not in step.omit}
        return left | named | {"data": data}


def _with_key(message: HttpMessage, key: str) -> HttpMessage:
    return HttpMessage(
        message.method,
        message.path.replace(_KEY, key),
        {name: value.replace(_KEY, key) for name, value in message.headers.items()},
        message.body.replace(_KEY, key),
    )


def _headers(access: InputAccess, step: Step) -> dict[str, str]:
    if access.secret is not None:
        pair = base64.b64encode(f"{access.key}:{access.secret}".encode()).decode()
        return _JSON | {"authorization": f"Basic {pair}"}
    # The path of an alias holds the key, and web clients send no header there (ID-226).
    return _JSON if step.call is Call.ALIAS else _JSON | {"x-mp-key": access.key}


def _query_word(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _observed(status: int, content: bytes) -> Observed:
    try:
        body = json.loads(content) if content else {}
    except ValueError:
        body = {}
    members = body if isinstance(body, dict) else {}
    if status >= _FIRST_ERROR:
        code, message = _error(members)
        return Refusal(status, code, message, besides=tuple(n for n in _RESULT_MEMBERS if n in members))
    return Answer(
        status,
        _mpid(members.get("mpid")),
        members.get("matched_identities"),
        members.get("is_logged_in"),
        members.get("is_ephemeral"),
        _changes(members.get("change_results")),
    )


def _error(members: Mapping[str, Any]) -> tuple[str | None, str]:
    """Find code and message where identity calls have them, or where alias has them (ID-232)."""
    errors = members.get("errors")
    first = errors[0] if isinstance(errors, list) and errors and isinstance(errors[0], dict) else members
    code = first.get("code")
    return code if isinstance(code, str) else None, str(first.get("message", ""))


def _mpid(value: Any) -> int | None:
    """Read the MPID of an answer, which is always written as a decimal string (ID-170)."""
    return int(value) if isinstance(value, str) and _DECIMAL.fullmatch(value) else None


def _changes(value: Any) -> tuple[tuple[str, Mpid], ...] | None:
    """Read `change_results`; what is not of its shape counts as missing."""
    if not isinstance(value, list):
        return None
    changes = []
    for entry in value:
        mpid = _mpid(entry.get("modified_mpid")) if isinstance(entry, dict) else None
        if mpid is None:
            return None
        changes.append((str(entry.get("identity_type")), mpid))
    return tuple(changes)
