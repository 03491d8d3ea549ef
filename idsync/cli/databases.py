"""A database by its URL, for the commands that look into it without a service."""

from __future__ import annotations

import asyncio
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Final, TypeAlias

import typer

from idsync.cli.session import refuse

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from idsync.privacy.receipt import Receipt
    from idsync.privacy.signing_key import SigningKey
    from idsync.store.chain import ChainReport
    from idsync.store.postgres.address import Address
    from idsync.store.sql.reader import SqlReader

__all__ = [
    "DEFAULT",
    "DatabaseUrl",
    "address_of",
    "chains_of",
    "is_server",
    "path_of",
    "receipt_faults",
    "refusing",
]

DatabaseUrl: TypeAlias = Annotated[
    str,
    typer.Option(
        "--database",
        envvar="IDSYNC_DATABASE",
        help="sqlite:///relative.db, sqlite:////absolute.db or postgresql://HOST/NAME",
        metavar="URL",
    ),
]
DEFAULT: Final = "sqlite:///idsync-data/idsync.db"


@contextmanager
def refusing() -> Iterator[None]:
    """End the program with what a database refuses."""
    from idsync.model.errors import StoreError, UnavailableError

    try:
        yield
    except (StoreError, UnavailableError) as error:
        refuse(str(error))
    except ModuleNotFoundError as error:
        if error.name != "asyncpg":
            raise
        refuse("PostgreSQL needs an extra: pip install 'idsync[postgres]'")


def is_server(url: str) -> bool:
    """Say whether a URL names a database server."""
    return url.startswith(("postgresql:", "postgres:"))


def address_of(url: str) -> Address:
    """Read the URL of a server; a wrong one is wrong usage."""
    from idsync.model.errors import StoreError
    from idsync.store.postgres.address import read_address

    try:
        return read_address(url)
    except StoreError as error:
        raise typer.BadParameter(str(error), param_hint="--database") from error


def path_of(url: str) -> Path:
    """Read the URL of a file that must be there; a wrong one is wrong usage."""
    from idsync.model.errors import StoreError
    from idsync.store.embedded.opening import database_path

    try:
        path = database_path(url)
    except StoreError as error:
        raise typer.BadParameter(str(error), param_hint="--database") from error
    if not path.exists():
        refuse("there is no such database")
    return path


def chains_of(url: str) -> list[ChainReport]:
    """Look at the chain of every journal of a database; a service may go on meanwhile.

    Raises:
        StoreError: The database cannot be used.
    """
    if is_server(url):
        from idsync.store.postgres.audit import chain_reports

        return asyncio.run(chain_reports(address_of(url)))
    from idsync.store.embedded.sealing import check_chain
    from idsync.store.sql.schema_state import SchemaState, refuse_unusable, state_of

    path = path_of(url)
    state = state_of(path)
    if state is not SchemaState.EMPTY:
        refuse_unusable(state)
    return check_chain(path)


def receipt_faults(url: str, receipt: Receipt, key: SigningKey) -> list[str]:
    """Hold a receipt against a database; gives what contradicts it.

    Raises:
        StoreError: The database cannot be used.
    """
    return [*_chain_faults(url, receipt), *asyncio.run(_value_faults(url, receipt, key))]


def _chain_faults(url: str, receipt: Receipt) -> list[str]:
    mine = [report for report in chains_of(url) if report.graph == receipt.graph]
    if not mine:
        return ["the database has no such graph"]
    faults = [fault.text for fault in mine[0].faults if fault.seq <= receipt.position]
    if not faults and mine[0].sealed < receipt.position:
        faults.append(f"the chain ends at entry {mine[0].sealed}, before entry {receipt.position}")
    return [f"the journal was tampered with: {fault}" for fault in faults]


async def _value_faults(url: str, receipt: Receipt, key: SigningKey) -> list[str]:
    if is_server(url):
        from idsync.store.postgres.database import Database, unavailable_if_away
        from idsync.store.sql.reader import SqlReader

        database = Database(address_of(url))
        try:
            with unavailable_if_away():
                return await _faults(SqlReader(database.engine), receipt, key)
        finally:
            await database.close()
    from idsync.store.embedded.inspection import reader_beside

    reader = reader_beside(path_of(url))
    try:
        return await _faults(reader, receipt, key)
    finally:
        await reader.close()


async def _faults(reader: SqlReader, receipt: Receipt, key: SigningKey) -> list[str]:
    faults: list[str] = []
    link = await reader.link_at(receipt.graph, receipt.position)
    if link is not None and link != receipt.link:
        faults.append(
            f"the journal was tampered with: its link at entry {receipt.position} is not the receipt's"
        )
    found = await reader.profiles(receipt.graph, receipt.mpids)
    for mpid in receipt.mpids:
        profile = found.get(mpid)
        if profile is None:
            faults.append(f"the profile {mpid} is not in the database")
        elif not profile.erased or profile.identities or profile.descriptions:
            faults.append(f"the profile {mpid} is not erased")
    back = 0
    async for identity in reader.values_up_to(receipt.graph, receipt.position):
        back += key.digest(receipt.erasure_id, receipt.graph, identity) in receipt.removed
    if back:
        faults.append(f"erased values are back in the old life: {back} of {len(receipt.removed)}")
    return faults
