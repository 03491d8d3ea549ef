"""PostgreSQL for a measurement: a cluster of our own, or one that somebody names; and databases in it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from urllib.parse import quote, urlsplit

from tests.bench.listeners import listeners
from tests.bench.measurement import LeftOutError

__all__ = ["Cluster", "cluster"]

_START_S = 60.0


class Cluster:
    """A running PostgreSQL.

    Attributes:
        processes: Its first process, if it runs on this machine and may be looked at.
    """

    def __init__(self, url: str) -> None:
        self._url = urlsplit(url)
        running = (int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit())
        here = self._url.hostname in {"localhost", "127.0.0.1", "::1"}
        self.processes = sorted(listeners(self._url.port or 5432, running)) if here else []

    @contextlib.asynccontextmanager
    async def database(self, name: str) -> AsyncIterator[str]:
        """Make an empty database, give its URL, and drop it at the end.

        Raises:
            LeftOutError: It cannot be made.
        """
        await self._say(f'CREATE DATABASE "{name}"')
        try:
            yield self._url._replace(path=f"/{name}").geturl()
        finally:
            await self._say(f'DROP DATABASE "{name}" WITH (FORCE)')

    async def _say(self, statement: str) -> None:
        psql = shutil.which("psql")
        if psql is None:
            raise LeftOutError("there is no psql (Debian: postgresql-client)")
        # the URL holds a password, which must not stand among the arguments of a process
        process = await asyncio.create_subprocess_exec(
            psql,
            "-qc",
            statement,
            env={**os.environ, **_variables(self._url.geturl())},
            stdout=DEVNULL,
            stderr=PIPE,
        )
        _, errors = await process.communicate()
        if process.returncode:
            raise LeftOutError(f"PostgreSQL refuses: {errors.decode().strip()}")


def _variables(url: str) -> Mapping[str, str]:
    parts = urlsplit(url)
    named = {
        "PGHOST": parts.hostname,
        "PGPORT": parts.port,
        "PGUSER": parts.username,
        "PGPASSWORD": parts.password,
        "PGDATABASE": parts.path.lstrip("/"),
    }
    return {name: str(value) for name, value in named.items() if value}


def _url(variables: Mapping[str, str]) -> str:
    user, password = (quote(variables.get(name, ""), safe="") for name in ("PGUSER", "PGPASSWORD"))
    who = f"{user}:{password}@" if password else f"{user}@" if user else ""
    where = f"{variables.get('PGHOST', 'localhost')}:{variables.get('PGPORT', '5432')}"
    return f"postgresql://{who}{where}/{variables.get('PGDATABASE', 'postgres')}"


@contextlib.asynccontextmanager
async def cluster(url: str) -> AsyncIterator[Cluster]:
    """Use the cluster of a URL; without one that of the PG* variables, else one that is made and removed.

    Raises:
        LeftOutError: There is none, and none can be made.
    """
    if url or "PGHOST" in os.environ:
        yield Cluster(url or _url(os.environ))
        return
    program = shutil.which("pg_virtualenv")
    if program is None:
        raise LeftOutError("there is no PostgreSQL (no PGHOST, no pg_virtualenv)")
    # it lasts as long as the program inside, which lasts until its input ends
    process = await asyncio.create_subprocess_exec(
        program, "sh", "-c", "env; echo ready; read -r _", stdin=PIPE, stdout=PIPE, stderr=DEVNULL
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        variables = {}
        async with asyncio.timeout(_START_S):
            while (line := (await process.stdout.readline()).decode().strip()) != "ready":
                if process.stdout.at_eof():
                    raise LeftOutError("pg_virtualenv could not make a cluster")
                name, _, value = line.partition("=")
                variables[name] = value
        yield Cluster(_url(variables))
    finally:
        process.stdin.close()
        await process.wait()
