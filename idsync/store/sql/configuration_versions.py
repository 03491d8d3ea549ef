"""The versions that the configuration of a scope has had."""

from __future__ import annotations

from sqlalchemy import select

from idsync.store.sql.looks import Looks, whole
from idsync.store.sql.tables import configuration

__all__ = ["ConfigurationVersions"]


class ConfigurationVersions(Looks):
    """Reads the newest version and records a new one; part of `SqlReader`."""

    @whole
    async def configuration(self, scope: str) -> tuple[int, str, int, str] | None:
        """Give the newest configuration version."""
        c = configuration.c
        query = select(c.version, c.author, c.at_ms, c.settings).where(c.scope == scope)
        async with self._engine.connect() as connection:
            row = (await connection.execute(query.order_by(c.version.desc()).limit(1))).first()
            return None if row is None else (row.version, row.author, row.at_ms, row.settings)

    @whole
    async def add_configuration(self, scope: str, author: str, at_ms: int, settings: str) -> int:
        """Record a configuration version."""
        newest = await self.configuration(scope)
        version = 1 if newest is None else newest[0] + 1
        async with self._engine.begin() as connection:
            await connection.execute(
                configuration.insert().values(
                    scope=scope, version=version, author=author, at_ms=at_ms, settings=settings
                )
            )
        return version
