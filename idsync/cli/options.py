"""Options that client commands share; each is also an environment variable."""

from __future__ import annotations

from typing import Annotated, TypeAlias

import typer

__all__ = ["AsJson", "EnvironmentName", "Key", "Scope", "Secret", "Target", "Token"]

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
