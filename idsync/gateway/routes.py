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
from idsync.gateway.exchange import Endpoint
from idsync.gateway.identity import IdentityCalls
from idsync.gateway.probes import Probes

__all__ = ["Entry", "direct", "routes", "table"]

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


def table(identity: IdentityCalls, alias: AliasCall, probes: Probes) -> tuple[Entry, ...]:
    """List what is served; the first match counts, so that what is called most stands first."""

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
        Entry("GET", "/healthz", probes.healthz),
        Entry("GET", "/readyz", probes.readyz),
        Entry("GET", "/metrics", probes.metrics),
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
