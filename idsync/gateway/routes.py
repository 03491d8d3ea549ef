"""Every path of the gateway: method, path, prefixes, and what answers there (ID-220)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from starlette.convertors import Convertor, register_url_convertor
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from idsync.gateway.aliasing import AliasCall
from idsync.gateway.client_settings import ClientSettings
from idsync.gateway.document import Document
from idsync.gateway.event_uploads import EventUploads
from idsync.gateway.exchange import Endpoint
from idsync.gateway.identity import IdentityCalls
from idsync.gateway.operations import Audience, Operation
from idsync.gateway.operator import OperatorReads
from idsync.gateway.probes import Probes

__all__ = ["Entry", "direct", "event_table", "routes", "table"]

Answer: TypeAlias = Endpoint | Callable[[Request], Awaitable[Response]]


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the table.

    Attributes:
        operation: What the OpenAPI document says of it.
        prefixes: What a customer's own domain puts before the path; the path is served without, too.
    """

    method: str
    path: str
    answer: Answer
    operation: Operation
    prefixes: tuple[str, ...] = ()


_FLAGS: Final = {
    "read_only": "`true`: nothing is written, and nobody made (ID-088).",
    "return_matches": "`false`: without `matched_identities` (ID-089).",
}
_NOBODY: Final = {404: "There is no match (ID-087)."}
_SIZE: Final = {"page_size": "How many, from 1 to 1000."}
_PAGE: Final = {**_SIZE, "page_token": "From the page before."}


def table(
    identity: IdentityCalls, alias: AliasCall, settings: ClientSettings, probes: Probes, document: Document
) -> tuple[Entry, ...]:
    """List what every gateway serves; the first match counts, so that what is called most stands first."""

    def resolve(path: str, summary: str, method: Callable[..., Awaitable[Response]]) -> Entry:
        said = Operation(
            path.rpartition("/")[2],
            summary,
            Audience.APPS,
            takes="ResolveBody",
            gives="ResolveAnswer",
            query=_FLAGS,
            may_be=_NOBODY,
        )
        return Entry("POST", path, Endpoint(method, identity.refuse), said, ("/identity",))

    def setting(name: str, summary: str, gives: str, **more: Any) -> Operation:
        return Operation(name, summary, Audience.SETTINGS, gives=gives, **more)

    def probe(name: str, summary: str) -> Operation:
        return Operation(name, summary, Audience.TOOLS)

    return (
        resolve("/v1/identify", "Who is the user", identity.identify),
        resolve("/v1/login", "The user signed in", identity.login),
        resolve("/v1/logout", "The user signed out", identity.logout),
        resolve("/v1/search", "Who would the user be", identity.search),
        Entry(
            "POST",
            "/v1/{mpid}/modify",
            Endpoint(identity.modify, identity.refuse),
            Operation(
                "modify",
                "Change the identities of one profile",
                Audience.APPS,
                takes="ModifyBody",
                gives="ModifyAnswer",
            ),
            ("/identity",),
        ),
        Entry(
            "POST",
            "/v1/identity/{key}/{alias:alias}",
            Endpoint(alias.alias, alias.refuse),
            Operation(
                "alias",
                "Let data of one profile count for another",
                Audience.APPS,
                202,
                takes="AliasBody",
                has_key_in_path=True,
            ),
            ("/webevents", "/nativeevents"),
        ),
        Entry(
            "GET",
            "/JS/v2/{key}/config",
            Endpoint(settings.for_pages, settings.refuse),
            setting("page_settings", "The configuration of a page", "PageSettings"),
            ("/tags",),
        ),
        Entry(
            "GET",
            "/v4/{key}/config",
            Endpoint(settings.for_devices, settings.refuse),
            setting(
                "device_settings",
                "The configuration of a device",
                "DeviceSettings",
                may_be={304: "The device has it already."},
            ),
            ("/config",),
        ),
        Entry(
            "GET",
            "/v1/{key}/audience",
            Endpoint(settings.audiences, settings.refuse),
            setting("audiences", "The audiences of a user", "Audiences", query={"mpid": "Whose."}),
            ("/nativeevents",),
        ),
        Entry("GET", "/healthz", probes.healthz, probe("healthz", "Whether the process is alive")),
        Entry("GET", "/readyz", probes.readyz, probe("readyz", "Whether calls would be answered")),
        Entry("GET", "/metrics", probes.metrics, probe("metrics", "What is counted, for Prometheus")),
        Entry("GET", "/openapi.json", document.show, probe("openapi", "This document")),
    )


def event_table(uploads: EventUploads, reads: OperatorReads) -> tuple[Entry, ...]:
    """List what is served beside where events can be kept."""

    def upload(
        path: str,
        method: Callable[..., Awaitable[Response]],
        said: Operation,
        prefixes: tuple[str, ...] = (),
    ) -> Entry:
        return Entry("POST", path, Endpoint(method, uploads.refuse), said, prefixes)

    def of_app(name: str, summary: str, takes: str, gives: str = "") -> Operation:
        return Operation(name, summary, Audience.UPLOADS, 202, takes, gives)

    def of_server(name: str, summary: str, takes: str) -> Operation:
        return Operation(name, summary, Audience.SERVERS, 202, takes)

    def read(
        path: str,
        method: Callable[..., Awaitable[Response]],
        name: str,
        summary: str,
        gives: str,
        query: dict[str, str],
    ) -> Entry:
        said = Operation(name, summary, Audience.OPERATORS, gives=gives, query=query)
        return Entry("GET", path, Endpoint(method, reads.refuse), said)

    page, device = ("/webevents",), ("/nativeevents",)
    return (
        upload("/v3/JS/{key}/events", uploads.web, of_app("page_events", "A batch of a page", "Batch"), page),
        upload(
            "/v2/{key}/events",
            uploads.native,
            of_app("device_events", "A batch of a device", "NativeBatch", "NativeAnswer"),
            device,
        ),
        upload("/v2/events", uploads.server, of_server("events", "A batch of a server", "Batch")),
        upload("/v2/bulkevents", uploads.bulk, of_server("bulk_events", "Up to 100 batches", "Batches")),
        upload(
            "/v2/bulkevents/historical",
            uploads.historical,
            of_server("historical_events", "Up to 100 batches of events older than 72 hours", "Batches"),
        ),
        upload(
            "/v2/JS/{key}/Events",
            uploads.page,
            of_app("page_event", "One event of an old page", "PageEvent"),
            page,
        ),
        upload(
            "/v2/JS/{key}/Forwarding",
            uploads.statistics,
            of_app("statistics", "What kits forwarded, which is not kept", ""),
            page,
        ),
        upload(
            "/v1/JS/{key}/Forwarding",
            uploads.statistics,
            of_app("single_statistics", "The same, one by one", ""),
            page,
        ),
        read(
            "/v1/operator/profiles/{mpid}/events",
            reads.events,
            "profile_events",
            "The events of a profile, newest first",
            "EventPage",
            _PAGE,
        ),
        read(
            "/v1/operator/refused-batches",
            reads.refused,
            "refused_batches",
            "The batches that were refused last",
            "RefusedBatches",
            _SIZE,
        ),
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
