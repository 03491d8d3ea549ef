"""Three PostgreSQL servers of which Patroni makes one the leader; etcd on three nodes tells it which."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import urllib.request
from asyncio.subprocess import DEVNULL, STDOUT, Process
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import asyncpg
import pytest

from idsync.store.postgres.address import read_address
from tests.crash.held_ports import held_ports
from tests.crash.postgres_server import children_of, programs
from tests.postgres_cluster import server_user

__all__ = ["Node", "PatroniCluster", "patroni_cluster"]

NODES: Final = 3
BOOT_S: Final = 120.0
DYNAMIC: Final = {
    "ttl": 20,
    "loop_wait": 5,
    "retry_timeout": 5,
    "maximum_lag_on_failover": 1_048_576,
    "synchronous_mode": True,
    "postgresql": {
        "use_pg_rewind": True,
        "parameters": {"shared_buffers": "16MB", "max_connections": 60, "wal_log_hints": "on"},
    },
}
"""What an operator would set, and docs/postgresql.md names."""
_PASSWORD: Final = "on loopback only"


@dataclass(slots=True)
class Node:
    """One machine of the cluster, as far as it is one.

    Attributes:
        number: From 0.
        port: Of its PostgreSQL.
        data: The files of its PostgreSQL.
        patroni: What runs it, with its children.
    """

    number: int
    port: int
    data: Path
    patroni: Process | None = field(default=None)

    def kill(self) -> None:
        """End Patroni and PostgreSQL at once, with all that they have started."""
        victims = [] if self.patroni is None or self.patroni.returncode is not None else [self.patroni.pid]
        with suppress(OSError, ValueError):
            server = int((self.data / "postmaster.pid").read_text().splitlines()[0])
            victims += [server, *children_of(server)]
        for victim in victims:
            with suppress(ProcessLookupError):
                os.kill(victim, signal.SIGKILL)


class PatroniCluster:
    """A running cluster.

    Args:
        folder: Of the user as whom it runs.
        ports: Free ones, four for each node.
    """

    def __init__(self, folder: Path, ports: Sequence[int]) -> None:
        self._folder = folder
        self._rest, self._peer, self._etcd, servers = (ports[i::4] for i in range(4))
        self.nodes = [Node(n, port, folder / f"data-{n}") for n, port in enumerate(servers)]

    def url(self, database: str) -> str:
        """Say where a database is, whoever leads."""
        hosts = ",".join(f"127.0.0.1:{node.port}" for node in self.nodes)
        return f"postgresql://postgres:{_PASSWORD.replace(' ', '%20')}@{hosts}/{database}"

    async def start_etcd(self, number: int) -> Process:
        """Start one of the three that agree on the leader."""
        peers = [f"http://127.0.0.1:{port}" for port in self._peer]
        clients = f"http://127.0.0.1:{self._etcd[number]}"
        options = {
            "name": f"etcd-{number}",
            "data-dir": str(self._folder / f"etcd-{number}"),
            "listen-peer-urls": peers[number],
            "initial-advertise-peer-urls": peers[number],
            "listen-client-urls": clients,
            "advertise-client-urls": clients,
            "initial-cluster": ",".join(f"etcd-{n}={peer}" for n, peer in enumerate(peers)),
            # a busy machine is no lost one
            "heartbeat-interval": "300",
            "election-timeout": "3000",
        }
        return await self._run("etcd", *(f"--{name}={value}" for name, value in options.items()))

    async def start(self, node: Node) -> None:
        """Start Patroni on a node, which starts PostgreSQL."""
        file = self._folder / f"patroni-{node.number}.yml"
        file.write_text(json.dumps(self._settings(node)))
        node.patroni = await self._run("patroni", str(file))

    def _settings(self, node: Node) -> dict[str, Any]:
        rest = f"127.0.0.1:{self._rest[node.number]}"
        server = f"127.0.0.1:{node.port}"
        return {
            "scope": "idsync",
            "name": f"node-{node.number}",
            "restapi": {"listen": rest, "connect_address": rest},
            "etcd3": {"hosts": [f"127.0.0.1:{port}" for port in self._etcd]},
            "bootstrap": {
                "dcs": DYNAMIC,
                "initdb": [{"encoding": "UTF8"}, {"locale": "C"}, "no-sync"],
            },
            "postgresql": {
                "listen": server,
                "connect_address": server,
                "data_dir": str(node.data),
                "bin_dir": str(programs()),
                "pgpass": str(self._folder / f"pgpass-{node.number}"),
                "basebackup": [{"checkpoint": "fast"}],
                "authentication": {
                    "superuser": {"username": "postgres", "password": _PASSWORD},
                    "replication": {"username": "replicator", "password": _PASSWORD},
                },
                "pg_hba": [
                    "host all all 127.0.0.1/32 scram-sha-256",
                    "host replication replicator 127.0.0.1/32 scram-sha-256",
                ],
                "parameters": {"unix_socket_directories": ""},
            },
        }

    async def _run(self, program: str, *arguments: str) -> Process:
        path = shutil.which(program)
        assert path is not None
        with (self._folder / f"{program}.log").open("a") as log:
            return await asyncio.create_subprocess_exec(
                path,
                *arguments,
                stdin=DEVNULL,
                stdout=log,
                stderr=STDOUT,
                cwd=self._folder,
                env={"HOME": str(self._folder), "PATH": os.defpath, "LC_ALL": "C.UTF-8"},
                **server_user(),
            )

    async def leader(self, standbys: int = NODES - 1) -> Node:
        """Wait for a leader that so many follow, one of them chosen to succeed it; gives it."""
        async with asyncio.timeout(BOOT_S):
            while True:
                with suppress(
                    OSError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError
                ):
                    connection = await read_address(self.url("postgres")).connect()
                    try:
                        port = await connection.fetchval("SELECT inet_server_port()")
                        followers = await connection.fetch(
                            "SELECT pid FROM pg_stat_replication WHERE state = 'streaming'"
                        )
                    finally:
                        await connection.close()
                    node = next(node for node in self.nodes if node.port == port)
                    if len(followers) >= standbys and await asyncio.to_thread(self._has_successor, node):
                        return node
                await asyncio.sleep(0.2)

    def _has_successor(self, leader: Node) -> bool:
        """Ask Patroni, which chooses one only after PostgreSQL says that a standby is in step.

        If the leader is lost between the two, nobody may succeed it.
        """
        address = f"http://127.0.0.1:{self._rest[leader.number]}/cluster"
        with urllib.request.urlopen(address, timeout=5) as answer:
            return any(member["role"] == "sync_standby" for member in json.load(answer)["members"])

    def said(self) -> str:
        """Give the end of what etcd and Patroni have logged."""
        logs = (self._folder / f"{program}.log" for program in ("etcd", "patroni"))
        return "\n".join(log.read_text()[-4_000:] for log in logs if log.exists())


@asynccontextmanager
async def patroni_cluster(folder: Path) -> AsyncIterator[PatroniCluster]:
    """Start a cluster with an empty database `idsync`; all of it is killed at the end."""
    for program in ("etcd", "patroni"):
        if shutil.which(program) is None:
            pytest.skip(f"no cluster: {program} is not installed; .ci/patroni does it on Debian")
    with ExitStack() as ports:
        cluster = PatroniCluster(folder, ports.enter_context(held_ports(4 * NODES)))
        async with AsyncExitStack() as stack:
            for number in range(NODES):
                stack.push_async_callback(_end, await cluster.start_etcd(number))
            for node in cluster.nodes:
                stack.push_async_callback(_end_node, node)
                await cluster.start(node)
            try:
                await cluster.leader()
            except TimeoutError:
                raise AssertionError(f"no leader within {BOOT_S:.0f} s:\n{cluster.said()}") from None
            connection = await read_address(cluster.url("postgres")).connect()
            await connection.execute("CREATE DATABASE idsync")
            await connection.close()
            yield cluster


async def _end(process: Process) -> None:
    if process.returncode is None:
        process.kill()
    await process.wait()
    process._transport.close()  # type: ignore[attr-defined]


async def _end_node(node: Node) -> None:
    node.kill()
    if node.patroni is not None:
        await _end(node.patroni)
    # Patroni may have started a server between the two
    node.kill()
