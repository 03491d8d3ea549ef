"""A shop's backends with the published server clients, each in a process of its own."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from asyncio.subprocess import PIPE
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tests.clients.service import SERVER_KEY, Trust

__all__ = ["BACKENDS", "Backend", "Step"]

_HERE: Final = Path(__file__).parent
_TIMEOUT_S: Final = 120

Step = dict[str, Any]
"""A batch: `events` by name, maybe `identities`, `device`, `mp_deviceid`, `mpid`; or `bulk` of batches."""


@dataclass(frozen=True)
class Backend:
    """A program around one client."""

    name: str
    command: tuple[str, ...]

    async def upload(
        self, steps: Sequence[Step], port: int, trust: Trust, credentials: tuple[str, str] = SERVER_KEY
    ) -> list[dict[str, Any]]:
        """Upload batches in order; gives status (0: no answer), body and headers as the client has them."""
        key, secret = credentials
        task = {
            "basePath": f"https://localhost:{port}/v2",
            "key": key,
            "secret": secret,
            "roots": str(trust.roots_file),
            "steps": steps,
        }
        process = await asyncio.create_subprocess_exec(
            *self.command,
            stdin=PIPE,
            stdout=PIPE,
            stderr=PIPE,
            env={**os.environ, "NODE_EXTRA_CA_CERTS": str(trust.roots_file)},
        )
        async with asyncio.timeout(_TIMEOUT_S):
            out, err = await process.communicate(json.dumps(task).encode())
        assert process.returncode == 0, err.decode()
        answers: list[dict[str, Any]] = json.loads(out)
        return answers


BACKENDS: Final = (
    Backend("node", ("node", str(_HERE / "node" / "upload.js"))),
    Backend("python", (sys.executable, str(_HERE / "python_upload.py"))),
)
