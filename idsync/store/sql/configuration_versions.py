"""The versions that the settings of a scope have had."""

from __future__ import annotations

from typing import Any

from sqlalchemy import func, select, update
from sqlalchemy.exc import IntegrityError

from idsync.model.settings_version import SettingsVersion
from idsync.store.sql.looks import Looks, whole
from idsync.store.sql.tables import configuration
from idsync.store.version_row import version_of

__all__ = ["ConfigurationVersions"]


class ConfigurationVersions(Looks):
    """Reads the versions and writes new ones; part of `SqlReader`."""

    @whole
    async def versions(self, scope: str | None = None) -> list[SettingsVersion]:
        """List versions, oldest first."""
        query = select(configuration).order_by(configuration.c.scope, configuration.c.version)
        if scope is not None:
            query = query.where(configuration.c.scope == scope)
        async with self._engine.connect() as connection:
            return [version_of(row) for row in await connection.execute(query)]

    @whole
    async def add_version(self, version: SettingsVersion) -> bool:
        """Write a version down; the key of the table lets one of that number be the first."""
        c = configuration.c
        values = {
            "scope": version.scope,
            "version": version.number,
            "author": version.author,
            "at_ms": version.at_ms,
            "settings": version.settings,
            "effective_ms": version.effective_ms,
            "note": version.note,
            "repair": int(version.repair),
            "taken_ms": version.taken_ms,
        }
        try:
            async with self._engine.begin() as connection:
                newest = await connection.scalar(select(func.max(c.version)).where(c.scope == version.scope))
                if version.number != (newest or 0) + 1:
                    return False
                await connection.execute(configuration.insert().values(values))
        except IntegrityError:
            return False
        return True

    @whole
    async def withdraw_version(
        self, scope: str, number: int, at_ms: int, by: str, note: str, even_if_due: bool
    ) -> bool:
        """Withdraw a version that nobody has taken."""
        c = configuration.c
        statement = update(configuration).where(
            c.scope == scope, c.version == number, c.withdrawn_ms.is_(None), c.taken_ms.is_(None)
        )
        if not even_if_due:
            statement = statement.where(c.effective_ms > at_ms)
        statement = statement.values(withdrawn_ms=at_ms, withdrawn_by=by, withdrawn_note=note)
        async with self._engine.begin() as connection:
            return (await connection.execute(statement)).rowcount == 1

    @whole
    async def mark_version(
        self, scope: str, number: int, taken_ms: int | None, repaired_ms: int | None
    ) -> None:
        """Note what became of a version; of several nodes that take it, the first is noted."""
        c = configuration.c
        marked: dict[str, Any] = {}
        if taken_ms is not None:
            marked["taken_ms"] = func.coalesce(c.taken_ms, taken_ms)
        if repaired_ms is not None:
            marked["repaired_ms"] = repaired_ms
        statement = update(configuration).where(c.scope == scope, c.version == number).values(marked)
        async with self._engine.begin() as connection:
            await connection.execute(statement)
