"""`idsync identify`, `login`, `logout`, `search`, `modify`: one call to a running service."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated

import typer

from idsync.cli import options
from idsync.cli.session import connected, environment_of, pairs_of, print_answer

if TYPE_CHECKING:
    from idsync.client import Client
    from idsync.v1 import identity_service_pb2 as pb

__all__ = ["register"]

_Identities = Annotated[list[str], typer.Argument(metavar="TYPE=VALUE...", help="What is known of the user.")]
_Previous = Annotated[
    int | None,
    typer.Option(
        metavar="MPID",
        min=options.MIN_MPID,
        max=options.MAX_MPID,
        help="The MPID of the answer before: breaks ties only.",
    ),
]
_RequestId = Annotated[str, typer.Option(help="To find the call in the journal again.")]
_ReadOnly = Annotated[bool, typer.Option("--read-only", help="Resolve, but write nothing.")]


def register(app: typer.Typer) -> None:
    """Add the commands to the program."""
    for name, text in (
        ("identify", "Say who the user is, with everything known."),
        ("login", "Announce a sign-in."),
        ("logout", "Announce the transition to the anonymous state."),
        ("search", "Ask who the user is, without consequences."),
    ):
        app.command(name, help=f"{text}\n\nExits 0 when answered, 1 when refused or not found.")(_call(name))
    app.command("modify", cls=options.MpidCommand)(modify)


def _call(name: str) -> Callable[..., None]:
    def call(
        known: _Identities,
        target: options.Target = "127.0.0.1:50051",
        environment: options.EnvironmentName = "production",
        key: options.Key = None,
        secret: options.Secret = None,
        token: options.Token = None,
        previous_mpid: _Previous = None,
        request_id: _RequestId = "",
        read_only: _ReadOnly = False,
        as_json: options.AsJson = False,
    ) -> None:
        from idsync.cli.wording import resolved_lines
        from idsync.client import identities
        from idsync.v1 import identity_service_pb2 as pb

        requests = {
            "identify": pb.IdentifyRequest,
            "login": pb.LoginRequest,
            "logout": pb.LogoutRequest,
            "search": pb.SearchRequest,
        }
        request = requests[name](
            environment=environment_of(environment),
            known_identities=identities(pairs_of(known)),
            previous_mpid=previous_mpid,
            request_id=request_id,
            read_only=read_only,
        )
        with connected(target, key, secret, _only(token, key)) as client:
            answer = getattr(client, name)(request)
        print_answer(answer, lambda: resolved_lines(answer), as_json=as_json)

    return call


def modify(
    mpid: Annotated[
        int,
        typer.Argument(
            metavar="MPID", min=options.MIN_MPID, max=options.MAX_MPID, help="The profile to change."
        ),
    ],
    changes: Annotated[
        list[str],
        typer.Argument(
            metavar="TYPE=OLD:NEW...",
            help="TYPE=:NEW adds, TYPE=OLD: removes; a colon inside a value is written \\:",
        ),
    ],
    target: options.Target = "127.0.0.1:50051",
    environment: options.EnvironmentName = "production",
    key: options.Key = None,
    secret: options.Secret = None,
    token: options.Token = None,
    request_id: _RequestId = "",
    as_json: options.AsJson = False,
) -> None:
    """Change the identities of the profile MPID, in order, all or none.

    Exits 0 when answered, 1 when refused.
    """
    from idsync.cli.wording import modified_lines
    from idsync.v1 import identity_service_pb2 as pb

    request = pb.ModifyRequest(
        environment=environment_of(environment),
        mpid=mpid,
        identity_changes=[_change(text) for text in changes],
        request_id=request_id,
    )
    with connected(target, key, secret, _only(token, key)) as client:
        answer = _modified(client, request)
    print_answer(answer, lambda: modified_lines(answer), as_json=as_json)


def _only(token: str | None, key: str | None) -> str | None:
    """Drop the token beside a key: these calls are an input's, and the service tells an operator so."""
    return token if key is None else None


def _modified(client: Client, request: pb.ModifyRequest) -> pb.ModifyResponse:
    return client.modify(request)


def _change(text: str) -> pb.IdentityChange:
    from idsync.client import identities
    from idsync.v1 import identity_service_pb2 as pb

    name, _, values = text.partition("=")
    sides = [side.replace("\\:", ":") for side in re.split(r"(?<!\\):", values)]
    if len(sides) != 2:  # noqa: PLR2004 - an old and a new value
        raise typer.BadParameter("must be TYPE=OLD:NEW", param_hint="TYPE=OLD:NEW")
    old, new = sides
    for side in sides:
        pairs_of([f"{name}={side}"])
    return pb.IdentityChange(
        type=identities({name: new})[0].type, old_value=old or None, new_value=new or None
    )
