"""`idsync demo`: a service on a temporary store, and a first login through it, explained."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from idsync.cli.wording import Resolved
    from idsync.client import AsyncClient

__all__ = ["demo"]


def demo() -> None:
    """Start a service on a temporary store and walk a first login through it, explained."""
    asyncio.run(_demo())


async def _demo() -> None:
    import secrets
    import tempfile
    from pathlib import Path

    from idsync.client import AsyncClient
    from idsync.config.demo import demo_configuration
    from idsync.server.app import open_app

    key, secret, token = "demo-web", secrets.token_urlsafe(16), secrets.token_urlsafe(16)
    with tempfile.TemporaryDirectory(prefix="idsync-demo-") as folder:
        database = f"sqlite:///{Path(folder) / 'demo.db'}"
        configuration = demo_configuration(key, secret, token)
        async with (
            open_app(configuration, database, "127.0.0.1:0") as app,
            AsyncClient.connect(app.grpc_address, key=key, secret=secret) as client,
        ):
            typer.echo(f"A service runs on {app.grpc_address}, on a temporary embedded store.\n")
            await _walk(client)


async def _walk(client: AsyncClient) -> None:
    from idsync.client import identities
    from idsync.v1 import graph_service_pb2 as graph
    from idsync.v1 import identity_service_pb2 as pb
    from idsync.v1.identity_pb2 import ENVIRONMENT_PRODUCTION

    browser = {"device_application_stamp": "3d775fc4-a974-44bb-fc51-8231d7e8c072"}
    person = {"customerid": "C-1001", "email": "first.customer@example.com"}

    visit = await client.identify(
        pb.IdentifyRequest(
            environment=ENVIRONMENT_PRODUCTION, known_identities=identities(browser), request_id="visit"
        )
    )
    _show("1. A browser nobody has seen: identify", browser, visit)
    login = await client.login(
        pb.LoginRequest(
            environment=ENVIRONMENT_PRODUCTION,
            known_identities=identities(browser | person),
            previous_mpid=visit.mpid,
            request_id="sign-up",
        )
    )
    _show("2. The visitor signs up: login", browser | person, login)
    logout = await client.logout(
        pb.LogoutRequest(
            environment=ENVIRONMENT_PRODUCTION,
            known_identities=identities(browser),
            previous_mpid=login.mpid,
            request_id="sign-out",
        )
    )
    _show("3. And leaves again: logout", browser, logout)
    again = await client.login(
        pb.LoginRequest(
            environment=ENVIRONMENT_PRODUCTION,
            known_identities=identities({"customerid": person["customerid"]} | browser),
            previous_mpid=logout.mpid,
            request_id="sign-in",
        )
    )
    _show("4. Back on the same browser: login", {"customerid": person["customerid"]} | browser, again)

    typer.echo(f"Why is that email on profile {login.mpid}?")
    explanation = await client.explain(
        graph.ExplainRequest(
            environment=ENVIRONMENT_PRODUCTION,
            identity_on_profile=graph.IdentityOnProfile(
                identity=identities({"email": person["email"]})[0], mpid=login.mpid
            ),
        )
    )
    for sentence in explanation.sentences:
        typer.echo(f"   {sentence}")
    typer.echo("\nWhat did the sign-up see and decide?")
    explanation = await client.explain(
        graph.ExplainRequest(environment=ENVIRONMENT_PRODUCTION, request_id="sign-up")
    )
    for sentence in explanation.sentences:
        typer.echo(f"   {sentence}")
    typer.echo("\nThe store is gone now. `idsync serve` starts one that stays.")


def _show(title: str, sent: dict[str, str], answer: Resolved) -> None:
    from idsync.cli.wording import resolved_lines

    typer.echo(title)
    typer.echo(f"   sent        {' '.join(f'{name}={value}' for name, value in sent.items())}")
    for line in resolved_lines(answer):
        typer.echo(f"   {line}")
    typer.echo("")
