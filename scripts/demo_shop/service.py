"""`idsync serve` for the shop: its configuration, its start and its end."""

from __future__ import annotations

import asyncio
import os
import secrets
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

__all__ = ["SCOPE", "STRATEGIES", "Service", "ServiceError", "configuration", "serving"]

SCOPE: Final = "shop"
_KEY: Final = "us1-demo-shop"
_TYPES: Final = 'identity_priority = ["customerid", "email", "device_application_stamp"]'
_ACCOUNTS: Final = f'{_TYPES}\nlogin_ids = ["customerid", "email"]\nunique_ids = ["customerid", "email"]'
_SETTINGS: Final = {
    "default": "",
    "profile_conversion": _ACCOUNTS,
    "profile_link": _ACCOUNTS,
    "profile_isolation": _ACCOUNTS,
    "best_match": _TYPES,
}
STRATEGIES: Final = tuple(_SETTINGS)


class ServiceError(Exception):
    """The service did not start, or did not stay."""


@dataclass(frozen=True)
class Service:
    """A running service.

    Attributes:
        strategy: How it decides.
        key: What the page calls it with.
        token: Of its operator; never shown to a page.
        grpc: HOST:PORT.
        http: HOST:PORT.
        log: What it says.
    """

    strategy: str
    key: str
    token: str
    grpc: str
    http: str
    log: Path
    process: Process

    async def ended(self) -> None:
        """Wait until it ends by itself."""
        await self.process.wait()


@asynccontextmanager
async def serving(folder: Path, strategy: str) -> AsyncIterator[Service]:
    """Start the service on the database of a folder, on free ports; it ends with the block.

    Raises:
        ServiceError: It does not start.
    """
    token = secrets.token_urlsafe(24)
    config, log = folder / "idsync.toml", folder / "service.log"
    _write(config, configuration(strategy, token))
    options = {
        "--config": config,
        "--database": f"sqlite:///{folder / 'idsync.db'}",
        "--grpc": "127.0.0.1:0",
        "--http": "127.0.0.1:0",
    }
    arguments = [str(part) for option in options.items() for part in option]
    with log.open("a") as errors:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "idsync", "serve", *arguments),
            stdin=DEVNULL,
            stdout=PIPE,
            stderr=errors,
            # Ctrl-C is for the shop, which ends the service when nobody needs it any more
            start_new_session=True,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
        )
    try:
        word, *listening = (await _pipe(process).readline()).decode().split() or [""]
        if word != "ready":
            raise ServiceError(f"the service says in {log}: {log.read_text().strip().splitlines()[-1:]}")
        addresses = dict(each.split("=", 1) for each in listening)
        yield Service(strategy, _KEY, token, addresses["grpc"], addresses["http"], log, process)
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


def _pipe(process: Process) -> asyncio.StreamReader:
    assert process.stdout is not None
    return process.stdout


def _write(config: Path, text: str) -> None:
    """Write the file for its owner's eyes only: it holds the operator's token."""
    config.parent.mkdir(parents=True, exist_ok=True)
    config.touch(mode=0o600)
    config.write_text(text)


def configuration(strategy: str, token: str) -> str:
    """Give the configuration file of a shop with a strategy, and with this token for its operator."""
    return f"""[operator]
token = "{token}"

[scopes.{SCOPE}]
strategy = "{strategy}"
{_SETTINGS[strategy]}

[workspaces.{SCOPE}]
[[workspaces.{SCOPE}.inputs]]
platform = "web"
key = "{_KEY}"
key_only = true
"""
