"""What keeps fronts from starting, and that their ports are theirs alone."""

from __future__ import annotations

import os
import signal
import ssl
import subprocess
from pathlib import Path

import pytest
import trustme

from idsync.client import AsyncClient
from idsync.v1 import identity_service_pb2 as pb
from tests.e2e.conftest import SHOP
from tests.e2e.fronts.processes import CALLERS, FLAGS, SERVED, fronts_of, until
from tests.e2e.http_process import HttpProcess, http_process
from tests.program import idsync, serve_command

LISTENS = "0A"
"""A state in proc(5), net/tcp."""


@pytest.mark.parametrize("count", ["0", "-1", "65", "two"])
async def test_no_such_number(count: str) -> None:
    """A usage error, before anything is opened."""
    ended = await idsync("serve", "--database", "memory://", "--processes", count)

    assert (ended.code, ended.out) == (2, "")
    assert "--processes" in ended.err


@pytest.mark.parametrize("flags", [(), FLAGS], ids=["one process", "two fronts"])
@pytest.mark.parametrize("kind", ["grpc", "http"])
def test_a_port_belongs_to_one_service(
    service: HttpProcess, tmp_path: Path, kind: str, flags: tuple[str, ...]
) -> None:
    """Fronts share a port among themselves; a second service there would get some of their calls."""
    taken = str(getattr(service.addresses, kind))
    command = [*serve_command(tmp_path, SERVED), f"--{kind}", taken, *flags]

    ended = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)

    assert (ended.returncode, ended.stdout) == (1, "")
    assert taken in ended.stderr


def test_a_certificate_that_is_none(tmp_path: Path) -> None:
    """What a front cannot start with, the service cannot start with, and says so."""
    (tmp_path / "junk").write_text("junk")
    tls = '\n[tls]\ncertificate_file = "junk"\nkey_file = "junk"\n'
    command = [*serve_command(tmp_path, SERVED + tls), *FLAGS]

    ended = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)

    assert (ended.returncode, ended.stdout) == (1, "")
    assert "cannot start" in ended.stderr
    assert "Traceback" not in ended.stderr


async def test_over_tls(tmp_path: Path) -> None:
    """On both wires, from every front."""
    authority = trustme.CA()
    certificate = authority.issue_cert("localhost")
    certificate.cert_chain_pems[0].write_to_path(str(tmp_path / "chain.pem"))
    certificate.private_key_pem.write_to_path(str(tmp_path / "key.pem"))
    tls = '\n[tls]\ncertificate_file = "chain.pem"\nkey_file = "key.pem"\n'
    trust = ssl.create_default_context()
    authority.configure_trust(trust)

    with http_process(tmp_path, SERVED + tls, *FLAGS) as service:
        port = service.addresses.grpc.rpartition(":")[2]
        roots = authority.cert_pem.bytes()
        async with AsyncClient.connect(f"localhost:{port}", SHOP, tls_roots=roots) as client:
            caller = await client.get_caller(pb.GetCallerRequest())
        statuses = []
        for _ in range(CALLERS):
            line = service.line()
            line.socket = trust.wrap_socket(line.socket, server_hostname="localhost")
            statuses.append(line.get("/readyz").status)
        assert service.stop() == 0

    assert caller.workspace == "shop"
    assert statuses == [200] * CALLERS


async def test_a_front_that_cannot_start_again_is_tried_until_it_can(tmp_path: Path) -> None:
    """Meanwhile the other one serves; the certificate is read anew with each attempt."""
    authority = trustme.CA()
    certificate = authority.issue_cert("localhost")
    chain = tmp_path / "chain.pem"
    certificate.cert_chain_pems[0].write_to_path(str(chain))
    certificate.private_key_pem.write_to_path(str(tmp_path / "key.pem"))
    good = chain.read_bytes()
    tls = '\n[tls]\ncertificate_file = "chain.pem"\nkey_file = "key.pem"\n'

    with http_process(tmp_path, SERVED + tls, *FLAGS) as service:
        chain.write_text("junk")
        os.kill(min(fronts_of(service)), signal.SIGKILL)
        await until(lambda: service.log.read_text().count('"front_not_started"') >= 2)
        port = service.addresses.grpc.rpartition(":")[2]
        roots = authority.cert_pem.bytes()
        async with AsyncClient.connect(f"localhost:{port}", SHOP, tls_roots=roots) as client:
            caller = await client.get_caller(pb.GetCallerRequest())
        chain.write_bytes(good)
        await until(lambda: '"front_restarted"' in service.log.read_text())
        both = fronts_of(service)
        assert service.stop() == 0

    assert caller.workspace == "shop"
    assert len(both) == 2


def test_fronts_leave_signals_to_the_owner(service: HttpProcess) -> None:
    """A signal for the whole group, as a terminal sends it, ends the service once: through the owner."""
    fronts = fronts_of(service)
    for front in fronts:
        os.kill(front, signal.SIGTERM)
        os.kill(front, signal.SIGINT)

    assert service.line().get("/readyz").status == 200
    assert fronts_of(service) == fronts


@pytest.mark.parametrize("kind", ["grpc", "http"])
def test_every_front_listens(service: HttpProcess, kind: str) -> None:
    """The system knows as many sockets on the one port as there are fronts, and spreads connections."""
    end = f":{int(getattr(service.addresses, kind).rpartition(':')[2]):04X}"
    tables = [Path("/proc/net", name).read_text().splitlines()[1:] for name in ("tcp", "tcp6")]
    sockets = [line.split() for table in tables for line in table]
    listening = [line for line in sockets if line[1].endswith(end) and line[3] == LISTENS]

    assert len(listening) == 2
