"""`idsync db`: a database between two versions, and whether it is what its journal says."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import typer

from idsync.cli.databases import DEFAULT, DatabaseUrl, address_of, chains_of, is_server, path_of, refusing
from idsync.cli.session import REFUSED

if TYPE_CHECKING:
    from idsync.store.chain import ChainReport
    from idsync.store.sql.difference import Difference

__all__ = ["app"]

app = typer.Typer(
    help="Upgrade, check or rebuild a database. No service may run on an SQLite file meanwhile.",
    no_args_is_help=True,
)


@app.command()
def upgrade(database: DatabaseUrl = DEFAULT) -> None:
    """Bring the schema of a database to the one of this version."""
    with refusing():
        if is_server(database):
            from idsync.store.postgres.schema import upgrade as on_server

            asyncio.run(on_server(address_of(database)))
        else:
            from idsync.store.embedded.opening import seal_file
            from idsync.store.sql.schema import upgrade as in_file

            in_file(path_of(database))
            seal_file(path_of(database))
    typer.echo("the schema is current")


@app.command()
def check(database: DatabaseUrl = DEFAULT) -> None:
    """Prove that the journal is whole, and that the tables are what it adds up to.

    Exits 0 when they are, 1 when they are not or the database cannot be used.
    """
    with refusing():
        chains = chains_of(database)
    if not _told(chains):
        raise typer.Exit(REFUSED)
    with refusing():
        if is_server(database):
            from idsync.store.postgres.audit import check as on_server

            found = asyncio.run(on_server(address_of(database)))
        else:
            from idsync.store.embedded.audit import check as in_file

            found = in_file(path_of(database))
    _report(*found)
    if found[1]:
        raise typer.Exit(REFUSED)


@app.command()
def rebuild(database: DatabaseUrl = DEFAULT) -> None:
    """Fold the journal anew and make the tables what it says, in one transaction."""
    with refusing():
        if is_server(database):
            from idsync.store.postgres.audit import rebuild as on_server

            found = asyncio.run(on_server(address_of(database)))
        else:
            from idsync.store.embedded.audit import rebuild as in_file

            found = in_file(path_of(database))
    _report(*found)
    typer.echo("the tables are rebuilt")


@app.command()
def compact(database: DatabaseUrl = DEFAULT) -> None:
    """Write the files of an SQLite database anew, so that nothing erased is left in them.

    It takes as much disk again for a while. On PostgreSQL use VACUUM.
    """
    if is_server(database):
        raise typer.BadParameter(
            "on PostgreSQL run VACUUM (or VACUUM FULL) in the database", param_hint="--database"
        )
    from idsync.store.embedded.compaction import compact as in_file

    with refusing():
        before, after = in_file(path_of(database))
    typer.echo(f"{before:,} bytes became {after:,}; what was erased is in none of the files")


def _told(chains: list[ChainReport]) -> bool:
    """Tell what became of the chains; gives whether they are whole."""
    for report in chains:
        graph = f"{report.graph.scope}, {report.graph.environment.wire_name}"
        for fault in report.faults:
            typer.echo(f"{graph}: {fault.text}")
        if report.waiting and not report.faults:
            typer.echo(f"{graph}: {report.waiting:,} entries are not sealed yet")
    is_whole = not any(report.faults for report in chains)
    if is_whole:
        typer.echo("the chain of the journal is whole")
    return is_whole


def _report(entries: int, differences: list[Difference]) -> None:
    typer.echo(f"{entries:,} journal entries folded")
    for difference in differences:
        typer.echo(
            f"{difference.table}: {difference.missing:,} rows missing or different, "
            f"{difference.unexplained:,} rows that the journal does not explain"
        )
    if not differences:
        typer.echo("the tables are what the journal says")
