"""Options that client commands share; each is also an environment variable."""

from __future__ import annotations

import re
from typing import Annotated, Any, Final, TypeAlias

import typer
from typer.core import TyperCommand

__all__ = [
    "MAX_MPID",
    "MIN_MPID",
    "AsJson",
    "At",
    "EnvironmentName",
    "Key",
    "KnownAt",
    "MpidCommand",
    "Scope",
    "Secret",
    "Target",
    "Token",
]

MIN_MPID: Final = -(2**63)
MAX_MPID: Final = 2**63 - 1
"""The range of MPIDs (ID-007)."""

_NEGATIVE: Final = re.compile(r"-[0-9]+")

Target: TypeAlias = Annotated[
    str, typer.Option(envvar="IDSYNC_TARGET", metavar="HOST:PORT", help="Where the service listens.")
]
EnvironmentName: TypeAlias = Annotated[
    str, typer.Option(envvar="IDSYNC_ENVIRONMENT", help="production or development.")
]
Key: TypeAlias = Annotated[str | None, typer.Option(envvar="IDSYNC_KEY", help="The input's key.")]
Secret: TypeAlias = Annotated[
    str | None, typer.Option(envvar="IDSYNC_SECRET", help="The secret of that key.")
]
Token: TypeAlias = Annotated[str | None, typer.Option(envvar="IDSYNC_TOKEN", help="An operator's token.")]
Scope: TypeAlias = Annotated[
    str, typer.Option("--scope", help="The scope; operators must name it, an input's own is used.")
]
AsJson: TypeAlias = Annotated[
    bool, typer.Option("--json", envvar="IDSYNC_JSON", help="Print one JSON document and nothing else.")
]
At: TypeAlias = Annotated[
    str | None,
    typer.Option("--at", metavar="TIME", help="As it was then: a time with its zone, 2026-05-03T12:00Z."),
]
KnownAt: TypeAlias = Annotated[
    int | None,
    typer.Option(
        "--known-at", metavar="SEQ", min=0, max=MAX_MPID, help="As the journal knew it after this entry."
    ),
]


class MpidCommand(TyperCommand):
    """A command with an MPID among its arguments; a negative one (ID-007) looks like an option."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Let negative numbers be arguments; an option that nobody knows is still told by what it is not."""
        ctx.ignore_unknown_options = any(_NEGATIVE.fullmatch(arg) for arg in args)
        return super().parse_args(ctx, args)
