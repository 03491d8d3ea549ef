"""Tries what hostile peers do on each way to serve: `python -m tests.bench.serving.hostile`.

Meanwhile a well-behaved caller on a connection of its own asks every 20 ms. Told are his slowest answer, how
many he did not get within a second, and when he is answered again once the peer has hung up; beside that the
server's processor time, and how much larger it is afterwards.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import sys
import tempfile
from pathlib import Path
from time import perf_counter
from typing import Final

import grpc
import uvloop

from tests.bench.http2 import PREFIX_BYTES
from tests.bench.meter import Meter
from tests.bench.serving.attacks import ATTACKS, MALFORMED, Attack, Peer
from tests.bench.serving.candidates import CANDIDATES, LeftOutError, Running, family, running
from tests.bench.serving.pressure import IDENTIFY
from tests.bench.workloads import Users

_EVERY_S: Final = 0.02
_PATIENCE_S: Final = 1.0
_RECOVERY_S: Final = 20.0


def main() -> None:
    """Attack those whom the command line names; exit 1 if one of them does not answer any more."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.serving.hostile")
    parser.add_argument("--seconds", type=float, default=2.0, help="time of each attack")
    parser.add_argument("--only", nargs="+", choices=list(CANDIDATES), default=list(CANDIDATES))
    arguments = parser.parse_args()
    sys.stdout.write(
        "| attack | server | connection | witness: slowest, failed | answers again | CPU s | grew MB |\n"
    )
    sys.stdout.write("|---|---|---|---|---|---|---|\n")
    sys.exit(uvloop.run(_all(arguments.only, arguments.seconds)))


async def _all(names: list[str], seconds: float) -> int:
    dead = 0
    for name in names:
        for attack_name, attack in [*ATTACKS.items(), ("malformed", _malformed)]:
            # a server of its own for each, so that none suffers from what came before
            with tempfile.TemporaryDirectory(prefix="idsync-hostile-") as folder:
                try:
                    async with running(CANDIDATES[name], Path(folder)) as server:
                        dead += not await _try(name, server, attack_name, attack, seconds)
                except LeftOutError as error:
                    sys.stdout.write(f"\nLeft out: {error}\n")
    return 1 if dead else 0


async def _try(name: str, server: Running, attack_name: str, attack: Attack, seconds: float) -> bool:
    witness = _Witness(server)
    await witness.ask()
    if witness.failed:
        raise LeftOutError(f"{name} does not answer")
    witness.slowest_s = 0.0
    watching = asyncio.create_task(witness.watch())
    meter, before = Meter(server.pid), _resident_bytes(server.pid)
    meter.begin()
    outcome = await attack(server, perf_counter() + seconds)
    meter.end()
    grew = _resident_bytes(server.pid) - before
    watching.cancel()
    await asyncio.wait([watching])
    failed = failed_during = witness.failed
    over = perf_counter()
    await witness.ask()
    asked, slowest_s = witness.asked - 1, witness.slowest_s
    while witness.failed > failed and perf_counter() < over + _RECOVERY_S:
        failed = witness.failed
        await witness.ask()
    recovered_s = perf_counter() - over
    answers = witness.failed == failed
    await witness.close()
    later = f"{recovered_s:.0f} s later" if answers else f"NOT WITHIN {_RECOVERY_S:.0f} s"
    seen = " ".join([f"{slowest_s * 1000:.0f} ms, {failed_during} of {asked}", *sorted(witness.errors)])
    sys.stdout.write(
        f"| {attack_name} | {name} | {outcome} | {seen} "
        f"| {'at once' if recovered_s < _PATIENCE_S else later} | {meter.used_s:.2f} | {grew / 1e6:.0f} |\n"
    )
    sys.stdout.flush()
    return answers


class _Witness:
    """A caller who does nothing wrong."""

    def __init__(self, server: Running) -> None:
        self.asked = self.failed = 0
        self.slowest_s = 0.0
        self.errors: set[str] = set()
        self._channel = grpc.aio.insecure_channel(f"{server.host}:{server.port}")
        self._call: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes] = self._channel.unary_unary(IDENTIFY)
        self._metadata = (("authorization", server.authorization),)
        self._request = Users(1).identify(0)[PREFIX_BYTES:]

    async def ask(self) -> None:
        begun = perf_counter()
        self.asked += 1
        try:
            await self._call(self._request, metadata=self._metadata, timeout=_PATIENCE_S)
        except grpc.aio.AioRpcError as error:
            self.failed += 1
            self.errors.add(error.code().name)
        self.slowest_s = max(self.slowest_s, perf_counter() - begun)

    async def watch(self) -> None:
        while True:
            await self.ask()
            await asyncio.sleep(_EVERY_S)

    async def close(self) -> None:
        await self._channel.close()


async def _malformed(server: Running, until: float) -> str:
    """Break one rule on each connection, and see who is thrown out."""
    tolerated = []
    for name, wrong in MALFORMED.items():
        peer = await Peer.connect(server)
        peer.read()
        await peer.send(wrong)
        if not await peer.wait_for_end(min(0.5, max(0.1, until - perf_counter()))):
            tolerated.append(name)
        await peer.close()
    ended = len(MALFORMED) - len(tolerated)
    return f"{ended} of {len(MALFORMED)} ended" + (f"; not: {', '.join(tolerated)}" if tolerated else "")


def _resident_bytes(pid: int) -> int:
    """Add up what a process and its descendants hold in memory."""
    total = 0
    for one in family(pid):
        with contextlib.suppress(OSError):
            status = (Path("/proc") / str(one) / "status").read_text()
            total += int(status.partition("VmRSS:")[2].split()[0]) * 1024
    return total


if __name__ == "__main__":
    main()
