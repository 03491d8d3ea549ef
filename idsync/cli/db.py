"""`idsync db`: a database between two versions, and whether it is what its journal says."""

from __future__ import annotations

import asyncio
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from idsync.cli.session import REFUSED, refuse

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from idsync.store.postgres.address import Address
    from idsync.store.sql.difference import Difference

__all__ = ["app"]

app = typer.Typer(
    help="Upgrade, check or rebuild a database. No service may run on an SQLite file meanwhile.",
    no_args_is_help=True,
)

_Database = Annotated[
    str,
    typer.Option(
        envvar="IDSYNC_DATABASE",
        help="sqlite:///relative.db, sqlite:////absolute.db or postgresql://HOST/NAME",
        metavar="URL",
    ),
]
_DEFAULT = "sqlite:///idsync-data/idsync.db"


@app.command()
def upgrade(database: _Database = _DEFAULT) -> None:
    """Bring the schema of a database to the one of this version."""
    with _refusing():
        if _is_server(database):
            from idsync.store.postgres.schema import upgrade as on_server

            asyncio.run(on_server(_address(database)))
        else:
            from idsync.store.sql.schema import upgrade as in_file

            in_file(_path(database))
    typer.echo("the schema is current")


@app.command()
def check(database: _Database = _DEFAULT) -> None:
    """Prove that the tables are what the journal adds up to.

    Exits 0 when they are, 1 when they are not or the database cannot be used.
    """
    with _refusing():
        if _is_server(database):
            from idsync.store.postgres.audit import check as on_server

            found = asyncio.run(on_server(_address(database)))
        else:
            from idsync.store.embedded.audit import check as in_file

            found = in_file(_path(database))
    _report(*found)
    if found[1]:
        raise typer.Exit(REFUSED)


@app.command()
def rebuild(database: _Database = _DEFAULT) -> None:
    """Fold the journal anew and make the tables what it says, in one transaction."""
    with _refusing():
        if _is_server(database):
            from idsync.store.postgres.audit import rebuild as on_server

            found = asyncio.run(on_server(_address(database)))
        else:
            from idsync.store.embedded.audit import rebuild as in_file

            found = in_file(_path(database))
    _report(*found)
    typer.echo("the tables are rebuilt")


@contextmanager
def _refusing() -> Iterator[None]:
    """End the program with what a database refuses."""
    from idsync.model.errors import StoreError

    try:
        yield
    except StoreError as error:
        refuse(str(error))
    except ModuleNotFoundError as error:
        if error.name != "asyncpg":
            raise
        refuse("PostgreSQL needs an extra: pip install 'idsync[postgres]'")


def _is_server(url: str) -> bool:
    return url.startswith(("postgresql:", "postgres:"))


def _address(url: str) -> Address:
    from idsync.model.errors import StoreError
    from idsync.store.postgres.address import read_address

    try:
        return read_address(url)
    except StoreError as error:
        raise typer.BadParameter(str(error), param_hint="--database") from error


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


def _report(entries: int, differences: list[Difference]) -> None:
    typer.echo(f"{entries:,} journal entries folded")
    for difference in differences:
        typer.echo(
            f"{difference.table}: {difference.missing:,} rows missing or different, "
            f"{difference.unexplained:,} rows that the journal does not explain"
        )
    if not differences:
        typer.echo("the tables are what the journal says")
