"""The gateway as an ASGI app: an HTTP client of the typed service, and nothing more."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final

from prometheus_client import CollectorRegistry
from starlette.routing import Router
from starlette.types import ASGIApp

from idsync.client import AsyncClient, Transport
from idsync.client.retry_policy import BRIEFLY
from idsync.gateway.aliasing import AliasCall
from idsync.gateway.client_settings import ClientSettings
from idsync.gateway.cross_origin import CrossOrigin
from idsync.gateway.document import Document
from idsync.gateway.event_uploads import EventUploads
from idsync.gateway.identity import IdentityCalls
from idsync.gateway.intake import EventIntake
from idsync.gateway.meters import Meters
from idsync.gateway.observation import Observed
from idsync.gateway.operator import OperatorReads
from idsync.gateway.probes import Probes, Show, shown_of
from idsync.gateway.routes import direct, event_table, routes, table
from idsync.gateway.tracing import TracedTransport

__all__ = ["create_app"]

_TIMEOUT_S: Final = 10.0
"""For an answer to a call; those who call over HTTP hang up soon, and come again by themselves."""


def create_app(
    transport: Transport,
    *,
    ready: Callable[[], Awaitable[bool]],
    registry: CollectorRegistry,
    max_age_s: int = 86_400,
    show: Show | None = None,
    intake: EventIntake | None = None,
) -> ASGIApp:
    """Build the app.

    Every answer passes the cross-origin headers on its way out, those of failures too: each endpoint turns
    what happens into an answer by itself, so that nothing is left for a layer further out.

    Args:
        transport: The way to the service, of this process or another; who calls comes with each request.
        ready: Asks whether the service can take calls; for `/readyz`.
        registry: The metrics that `/metrics` shows, to which those of the gateway are added.
        max_age_s: For how long clients may reuse an identity answer, in seconds; 0 for not at all (ID-175).
        show: Gives what `/metrics` shows instead; for one of several processes that count together.
        intake: Where events go; `None`: uploads are not served.
    """
    traced = TracedTransport(transport)
    client = AsyncClient(traced, timeout_s=_TIMEOUT_S, retry=BRIEFLY)
    identity = IdentityCalls(client, traced, max_age_s)
    probes = Probes(ready, show or shown_of(registry))
    document = Document()
    entries = table(identity, AliasCall(client), ClientSettings(client), probes, document)
    if intake is not None:
        entries += event_table(EventUploads(client, intake), OperatorReads(client, intake))
    document.describe(entries)
    router = Router(list(routes(entries)), redirect_slashes=False)
    return Observed(CrossOrigin(router), direct(entries), Meters(registry))
