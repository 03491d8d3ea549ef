"""Every path of the gateway: method, path, prefixes, and what answers there (ID-220)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from typing import TypeAlias

from starlette.convertors import Convertor, register_url_convertor
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from idsync.gateway.aliasing import AliasCall
from idsync.gateway.client_settings import ClientSettings
from idsync.gateway.event_uploads import EventUploads
from idsync.gateway.exchange import Endpoint
from idsync.gateway.identity import IdentityCalls
from idsync.gateway.operator import OperatorReads
from idsync.gateway.probes import Probes

__all__ = ["Entry", "direct", "event_table", "routes", "table"]

Answer: TypeAlias = Endpoint | Callable[[Request], Awaitable[Response]]


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the table.

    Attributes:
        prefixes: What a customer's own domain puts before the path; the path is served without, too.
    """

    method: str
    path: str
    answer: Answer
    prefixes: tuple[str, ...] = ()


def table(
    identity: IdentityCalls, alias: AliasCall, settings: ClientSettings, probes: Probes
) -> tuple[Entry, ...]:
    """List what every gateway serves; the first match counts, so that what is called most stands first."""

    def call(method: Callable[..., Awaitable[Response]]) -> Endpoint:
        return Endpoint(method, identity.refuse)

    own = ("/identity",)
    return (
        Entry("POST", "/v1/identify", call(identity.identify), own),
        Entry("POST", "/v1/login", call(identity.login), own),
        Entry("POST", "/v1/logout", call(identity.logout), own),
        Entry("POST", "/v1/search", call(identity.search), own),
        Entry("POST", "/v1/{mpid}/modify", call(identity.modify), own),
        Entry(
            "POST",
            "/v1/identity/{key}/{alias:alias}",
            Endpoint(alias.alias, alias.refuse),
            ("/webevents", "/nativeevents"),
        ),
        Entry("GET", "/JS/v2/{key}/config", Endpoint(settings.for_pages, settings.refuse), ("/tags",)),
        Entry("GET", "/v4/{key}/config", Endpoint(settings.for_devices, settings.refuse), ("/config",)),
        Entry("GET", "/v1/{key}/audience", Endpoint(settings.audiences, settings.refuse), ("/nativeevents",)),
        Entry("GET", "/healthz", probes.healthz),
        Entry("GET", "/readyz", probes.readyz),
        Entry("GET", "/metrics", probes.metrics),
    )


def event_table(uploads: EventUploads, reads: OperatorReads) -> tuple[Entry, ...]:
    """List what is served beside where events can be kept."""

    def upload(method: Callable[..., Awaitable[Response]]) -> Endpoint:
        return Endpoint(method, uploads.refuse)

    page, device = ("/webevents",), ("/nativeevents",)
    return (
        Entry("POST", "/v3/JS/{key}/events", upload(uploads.web), page),
        Entry("POST", "/v2/{key}/events", upload(uploads.native), device),
        Entry("POST", "/v2/events", upload(uploads.server)),
        Entry("POST", "/v2/bulkevents", upload(uploads.bulk)),
        Entry("POST", "/v2/bulkevents/historical", upload(uploads.historical)),
        Entry("POST", "/v2/JS/{key}/Events", upload(uploads.page), page),
        Entry("POST", "/v2/JS/{key}/Forwarding", upload(uploads.statistics), page),
        Entry("POST", "/v1/JS/{key}/Forwarding", upload(uploads.statistics), page),
        Entry("GET", "/v1/operator/profiles/{mpid}/events", Endpoint(reads.events, reads.refuse)),
        Entry("GET", "/v1/operator/refused-batches", Endpoint(reads.refused, reads.refuse)),
    )


def routes(entries: tuple[Entry, ...]) -> Iterator[Route]:
    """Make the routes of a table, all paths without prefix first."""
    for entry in entries:
        yield Route(entry.path, entry.answer, methods=[entry.method])
    for entry in entries:
        for prefix in entry.prefixes:
            yield Route(prefix + entry.path, entry.answer, methods=[entry.method])


def direct(entries: tuple[Entry, ...]) -> dict[str, Endpoint]:
    """List the calls whose whole path is known, by path: they are found without a look through the routes."""
    return {
        prefix + entry.path: entry.answer
        for entry in entries
        for prefix in ("", *entry.prefixes)
        if isinstance(entry.answer, Endpoint) and entry.method == "POST" and "{" not in entry.path
    }


class _AliasWord(Convertor[str]):
    """The last segment of an alias path: browsers write it with a capital, devices without."""

    regex = "(?ai:alias)"

    def convert(self, value: str) -> str:
        return value

    def to_string(self, value: str) -> str:
        return value


register_url_convertor("alias", _AliasWord())
