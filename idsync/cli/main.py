"""The program: every command, each in its own module."""

from __future__ import annotations

import os
from typing import Annotated

import typer

from idsync.cli import (
    calls,
    config,
    db,
    demo,
    erase,
    export,
    history,
    inspect,
    options,
    preview,
    radar,
    replay,
    scenario,
    serve,
    undo,
)

__all__ = ["app"]

app = typer.Typer(
    name="idsync",
    help="An open identity graph: one profile for whatever identifiers a call brings, and always the reason.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(version("idsync"))
        raise typer.Exit


@app.callback()
def idsync(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """An open identity graph: one profile for whatever identifiers a call brings, and always the reason."""
    del version
    # databases, logs and credentials hold what is nobody else's business
    os.umask(0o077)


app.command("serve")(serve.serve)
app.command("demo")(demo.demo)
calls.register(app)
app.command("profile", cls=options.MpidCommand)(inspect.profile)
app.command("explain", cls=options.MpidCommand)(inspect.explain)
app.command("history")(history.history)
app.add_typer(radar.app, name="radar")
app.command("journal")(inspect.journal)
app.command("split", cls=options.MpidCommand)(undo.split)
app.command("revert")(undo.revert)
app.command("forbid", cls=options.MpidCommand)(undo.forbid)
app.add_typer(erase.app, name="erase")
app.command("export", cls=options.MpidCommand)(export.export)
app.command("replay")(replay.replay)
app.command("preview")(preview.preview)
app.add_typer(scenario.app, name="scenario")
app.add_typer(config.app, name="config")
app.add_typer(db.app, name="db")
