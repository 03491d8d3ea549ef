"""`idsync db`: the database of an embedded store, while no service runs on it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from idsync.cli.session import REFUSED, refuse

if TYPE_CHECKING:
    from pathlib import Path

    from idsync.store.embedded.audit import Difference

__all__ = ["app"]

app = typer.Typer(
    help="Upgrade, check or rebuild a database, while no service runs on it.", no_args_is_help=True
)

_Database = Annotated[
    str,
    typer.Option(
        envvar="IDSYNC_DATABASE", help="sqlite:///relative.db or sqlite:////absolute.db", metavar="URL"
    ),
]
_DEFAULT = "sqlite:///idsync-data/idsync.db"


def _path(url: str) -> Path:
    from idsync.model.errors import StoreError
    from idsync.store.embedded.opening import database_path

    try:
        path = database_path(url)
    except StoreError as error:
        raise typer.BadParameter(str(error), param_hint="--database") from error
    if not path.exists():
        refuse("there is no such database")
    return path


@app.command()
def upgrade(database: _Database = _DEFAULT) -> None:
    """Bring the schema of a database to the one of this version."""
    from idsync.model.errors import StoreError
    from idsync.store.sql.schema import upgrade as run

    try:
        run(_path(database))
    except StoreError as error:
        refuse(str(error))
    typer.echo("the schema is current")


@app.command()
def check(database: _Database = _DEFAULT) -> None:
    """Prove that the tables are what the journal adds up to.

    Exits 0 when they are, 1 when they are not or the database cannot be used.
    """
    from idsync.model.errors import StoreError
    from idsync.store.embedded.audit import check as run

    try:
        entries, differences = run(_path(database))
    except StoreError as error:
        refuse(str(error))
    _report(entries, differences)
    if differences:
        raise typer.Exit(REFUSED)


@app.command()
def rebuild(database: _Database = _DEFAULT) -> None:
    """Fold the journal anew and make the tables what it says, in one transaction."""
    from idsync.model.errors import StoreError
    from idsync.store.embedded.audit import rebuild as run

    try:
        entries, differences = run(_path(database))
    except StoreError as error:
        refuse(str(error))
    _report(entries, differences)
    typer.echo("the tables are rebuilt")


def _report(entries: int, differences: list[Difference]) -> None:
    typer.echo(f"{entries:,} journal entries folded")
    for difference in differences:
        typer.echo(
            f"{difference.table}: {difference.missing:,} rows missing or different, "
            f"{difference.unexplained:,} rows that the journal does not explain"
        )
    if not differences:
        typer.echo("the tables are what the journal says")
