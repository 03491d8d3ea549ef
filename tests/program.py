"""The program as people start it: what it is told, where it then listens, and what it leaves when it ends."""

from __future__ import annotations

import asyncio
import json
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from pathlib import Path
from typing import Any, NamedTuple

PROGRAM = (sys.executable, "-m", "idsync")


class Ended(NamedTuple):
    """What a finished command left."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> dict[str, Any]:
        """Its output with --json."""
        loaded: dict[str, Any] = json.loads(self.out)
        return loaded


async def start(*arguments: str) -> Process:
    """Start the program."""
    return await asyncio.create_subprocess_exec(*PROGRAM, *arguments, stdin=DEVNULL, stdout=PIPE, stderr=PIPE)


async def end(process: Process) -> Ended:
    """Wait for the end of the program."""
    out, err = await process.communicate()
    assert process.returncode is not None
    return Ended(process.returncode, out.decode(), err.decode())


async def idsync(*arguments: str) -> Ended:
    """Run the program."""
    return await end(await start(*arguments))


def serve_command(folder: Path, configuration: str, database_url: str | None = None) -> list[str]:
    """Write a configuration; gives the command that serves it on free ports.

    Args:
        folder: Where to write.
        configuration: What to write.
        database_url: A file in the folder by default.
    """
    config = folder / "idsync.toml"
    config.write_text(configuration)
    options = {
        "--config": str(config),
        "--database": database_url or f"sqlite:///{folder / 'idsync.db'}",
        "--grpc": "127.0.0.1:0",
        "--http": "127.0.0.1:0",
    }
    return [*PROGRAM, "serve", *(part for option in options.items() for part in option)]


class Addresses(NamedTuple):
    """Where a service listens."""

    grpc: str
    http: str


def addresses_of(ready: str) -> Addresses:
    """Read the line by which a service says that it is ready; it is empty where the service ended."""
    word, *listening = ready.split() or [""]
    assert word == "ready", f"the service must say that it is ready, not {ready!r}"
    return Addresses(**dict(each.split("=", 1) for each in listening))
