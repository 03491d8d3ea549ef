"""`idsync serve` behind TLS, as published clients want it, and what its operator sees."""

from __future__ import annotations

import base64
import json
import os
import signal
import ssl
import subprocess
from collections.abc import Iterator, Mapping, Set
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import trustme

from idsync.client import AsyncClient, BasicCredentials
from idsync.client.replay import Pump
from idsync.config import parse_configuration
from idsync.server.app import open_app
from idsync.v1.graph_service_pb2 import FindProfilesRequest, GetProfileRequest, ListJournalRequest
from idsync.v1.identity_pb2 import ENVIRONMENT_PRODUCTION, Identity, IdentityType, Profile
from scripts import simulate_traffic
from tests.e2e.fronts.processes import until
from tests.program import Addresses, addresses_of, serve_command

__all__ = ["OPERATOR_TOKEN", "SERVER_KEY", "WEB_KEY", "Service", "Trust", "serving", "use"]

OPERATOR_TOKEN: Final = "op-token"
WEB_KEY: Final = "us1-shop-web"
SERVER_KEY: Final = ("us1-shop-server", "server-secret")
_TIMEOUT_S: Final = 30


class Trust:
    """An authority of our own, and the certificate of localhost that it vouches for.

    Attributes:
        roots: PEM of the authority.
        roots_file: The same in a file, for clients that want a name.
    """

    def __init__(self, folder: Path) -> None:
        authority = trustme.CA()
        issued = authority.issue_cert("localhost", "127.0.0.1")
        chain = folder / "chain.pem"
        chain.write_bytes(b"".join(blob.bytes() for blob in issued.cert_chain_pems))
        key = folder / "key.pem"
        issued.private_key_pem.write_to_path(str(key))
        self.roots = authority.cert_pem.bytes()
        self.roots_file = folder / "roots.pem"
        self.roots_file.write_bytes(self.roots)
        self.section = f'\n[tls]\ncertificate_file = "{chain}"\nkey_file = "{key}"\n'


class Service:
    """A running service."""

    def __init__(self, process: subprocess.Popen[str], addresses: Addresses, trust: Trust, log: Path) -> None:
        self.process = process
        self.trust = trust
        self.log = log
        self.port = int(addresses.http.rpartition(":")[2])
        self._grpc = addresses.grpc.replace("127.0.0.1", "localhost")

    def operator(self) -> AsyncClient:
        """Give a client that may see everything."""
        return AsyncClient.connect(self._grpc, token=OPERATOR_TOKEN, tls_roots=self.trust.roots)

    async def profile(self, mpid: str | int) -> Profile:
        """Show a profile."""
        async with self.operator() as operator:
            return (await operator.get_profile(GetProfileRequest(mpid=int(mpid)))).profile

    async def rules(self, mpid: str | int) -> list[str]:
        """Name the rules by which a profile became what it is, oldest first."""
        request = ListJournalRequest(scope="shop", environment=ENVIRONMENT_PRODUCTION, mpid=int(mpid))
        async with self.operator() as operator:
            return [entry.rule for entry in (await operator.list_journal(request)).entries]

    async def holders(self, kind: IdentityType.ValueType, value: str) -> list[str]:
        """Name the profiles that hold an identity."""
        request = FindProfilesRequest(
            scope="shop", environment=ENVIRONMENT_PRODUCTION, identity=Identity(type=kind, value=value)
        )
        async with self.operator() as operator:
            return [str(profile.mpid) for profile in (await operator.find_profiles(request)).profiles]

    def events(self, mpid: str | int) -> list[dict[str, Any]]:
        """Read the events of a profile back, newest first, as its workspace does (ID-200)."""
        status, document = self.get(f"/v1/operator/profiles/{mpid}/events")
        assert status == 200, (status, document)
        events: list[dict[str, Any]] = document["events"]
        return events

    async def events_with(self, mpid: str, names: Set[str]) -> list[dict[str, Any]]:
        """Read the events of a profile when the named ones are among them."""
        await until(lambda: names <= {event["name"] for event in self.events(mpid)})
        return self.events(mpid)

    def get(self, path: str) -> tuple[int, Any]:
        """Ask over HTTP, as the input that may read."""
        pair = base64.b64encode(":".join(SERVER_KEY).encode()).decode()
        request = Request(f"https://localhost:{self.port}{path}", headers={"authorization": f"Basic {pair}"})
        trust = ssl.create_default_context(cafile=str(self.trust.roots_file))
        try:
            with urlopen(request, context=trust, timeout=_TIMEOUT_S) as answer:
                return answer.status, json.loads(answer.read())
        except HTTPError as error:
            with error:
                return error.code, error.read()

    def kill(self) -> None:
        """End it at once."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()


def identities_of(profile: Profile, name: int) -> set[str]:
    """List the values of one type on the record of a profile."""
    return {each.identity.value for each in profile.identities if each.identity.type == name}


@contextmanager
def serving(
    folder: Path, configuration: str, trust: Trust, environment: Mapping[str, str] | None = None
) -> Iterator[Service]:
    """Start the service on the database of a folder; it ends with the block.

    Args:
        folder: Where the database is, or will be.
        configuration: The file without its section `[tls]`.
        trust: Whose certificate it shows.
        environment: Added to that of this process.
    """
    folder.mkdir(exist_ok=True)
    log = folder / "log"
    command = serve_command(folder, configuration + trust.section)
    with log.open("a") as errors:
        process = subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            env={**os.environ, **(environment or {})},
        )
    assert process.stdout is not None
    try:
        ready = process.stdout.readline()
        assert ready, log.read_text()
        yield Service(process, addresses_of(ready), trust, log)
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
            assert process.wait(_TIMEOUT_S) == 0
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


async def use(folder: Path, configuration: str) -> None:
    """Give the database of a folder a past: a service on it took a week's traffic, and ended."""
    traffic = folder / "traffic.jsonl"
    simulate_traffic.main(["--people", "50", "--calls", "400", "--output", str(traffic)])
    settings = parse_configuration(configuration, folder)
    async with open_app(settings, f"sqlite:///{folder / 'idsync.db'}", "127.0.0.1:0") as app:
        pump = Pump(AsyncClient(app.local_transport, BasicCredentials(*SERVER_KEY)))
        with traffic.open("rb") as lines:
            await pump.send(lines)
    assert pump.tally.answered > 0
