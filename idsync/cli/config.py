"""`idsync config`: judge a configuration file, get one to begin with, or stage other settings."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from idsync.cli.staging import repair, stage, versions, withdraw

if TYPE_CHECKING:
    from rich.table import Table

    from idsync.config import Configuration

__all__ = ["app"]

app = typer.Typer(
    name="config",
    help="Check a configuration file, print an example, or let other settings take effect at a moment.",
    no_args_is_help=True,
)
for _command in (stage, versions, withdraw, repair):
    app.command()(_command)


@app.command()
def check(
    file: Annotated[
        Path, typer.Argument(exists=True, dir_okay=False, readable=True, metavar="FILE", help="The file.")
    ],
) -> None:
    """Judge a configuration file and say everything that is wrong with it.

    Exits 0 if a service would start with it, 1 if not, 2 if there is no such file.
    """
    from idsync.config import load_configuration
    from idsync.model.errors import ConfigurationError

    try:
        configuration = load_configuration(file)
    except ConfigurationError as error:
        for fault in error.faults or (error.message,):
            typer.echo(fault, err=True)
        raise typer.Exit(1) from error

    from rich.console import Console

    typer.echo("ok")
    for scope, warnings in configuration.warnings.items():
        for warning in warnings:
            typer.echo(f"warning: scope {scope}: {warning}")
    console = Console()
    if configuration.scopes:
        console.print(_scopes(configuration))
    if configuration.workspaces:
        console.print(_workspaces(configuration))
    else:
        console.print("It has no workspace: only operators could call.")


@app.command()
def example(
    strategy: Annotated[
        str, typer.Argument(metavar="STRATEGY", help="The strategy, for instance profile_conversion.")
    ],
) -> None:
    """Print a commented configuration for a strategy, ready to be checked and changed."""
    from idsync.config import example_configuration
    from idsync.model.errors import ConfigurationError

    try:
        typer.echo(example_configuration(strategy), nl=False)
    except ConfigurationError as error:
        raise typer.BadParameter(error.message) from error


def _scopes(configuration: Configuration) -> Table:
    """Show each scope with its types in their order, and what is special about each."""
    table = _table("scope", "strategy", "identity priority")
    for name, policy in configuration.scopes.items():
        specials = (("login", policy.login), ("unique", policy.unique), ("immutable", policy.immutable))
        lines = []
        for identity_type in policy.priority:
            special = ", ".join(word for word, types in specials if identity_type in types)
            lines.append(f"{identity_type.wire_name} ({special})" if special else identity_type.wire_name)
        _add_row(table, name, policy.strategy, "\n".join(lines))
    return table


def _workspaces(configuration: Configuration) -> Table:
    """Show each workspace with its inputs; no secret."""
    table = _table("workspace", "scope", "aliasing", "inputs")
    for workspace in configuration.workspaces:
        lines = []
        for entry in workspace.inputs:
            rights = (("key only", entry.key_only), ("may read", entry.may_read))
            described = [entry.platform, *(right for right, given in rights if given)]
            lines.append(f"{entry.key} ({', '.join(described)})")
        _add_row(
            table, workspace.name, workspace.scope, "yes" if workspace.aliasing else "no", "\n".join(lines)
        )
    return table


def _table(*headings: str) -> Table:
    from rich.box import SIMPLE
    from rich.table import Column, Table

    return Table(*(Column(heading, overflow="fold") for heading in headings), box=SIMPLE)


def _add_row(table: Table, *cells: str) -> None:
    from rich.text import Text

    # As plain text: a name in brackets is no markup.
    table.add_row(*map(Text, cells))
