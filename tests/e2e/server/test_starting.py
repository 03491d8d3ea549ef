"""What the service needs to start, what keeps it from starting, and what it finds again."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import trustme

from idsync.client import AsyncClient
from idsync.config import Configuration, Tls
from idsync.model.errors import ConfigurationError, StoreError
from idsync.server.app import App, open_app
from idsync.testing.clock import ManualClock
from idsync.v1 import graph_service_pb2 as graph
from idsync.v1 import identity_service_pb2 as pb
from tests.e2e.conftest import SHOP
from tests.e2e.identity_requests import PRODUCTION, identify


class TestTls:
    async def test_encrypted(self, configuration: Configuration, tmp_path: Path, clock: ManualClock) -> None:
        authority = trustme.CA()
        certificate = authority.issue_cert("localhost")
        files = Tls(tmp_path / "chain.pem", tmp_path / "key.pem")
        certificate.cert_chain_pems[0].write_to_path(str(files.certificate_file))
        certificate.private_key_pem.write_to_path(str(files.key_file))
        secret = replace(configuration, tls=files)

        async with (
            open_app(secret, "memory://", "localhost:0", clock=clock) as app,
            AsyncClient.connect(app.grpc_address, SHOP, tls_roots=authority.cert_pem.bytes()) as client,
        ):
            answer = await client.get_caller(pb.GetCallerRequest())

        assert answer.workspace == "shop"

    async def test_missing_files(self, configuration: Configuration, tmp_path: Path) -> None:
        broken = replace(configuration, tls=Tls(tmp_path / "none", tmp_path / "none"))

        with pytest.raises(ConfigurationError, match="certificate"):
            async with open_app(broken, "memory://", "localhost:0"):
                pass

    async def test_broken_files(self, configuration: Configuration, tmp_path: Path) -> None:
        (tmp_path / "junk").write_text("junk")
        broken = replace(configuration, tls=Tls(tmp_path / "junk", tmp_path / "junk"))

        with pytest.raises(ConfigurationError, match="localhost:0"):
            async with open_app(broken, "memory://", "localhost:0"):
                pass


class TestStarting:
    async def test_port_in_use(self, app: App, configuration: Configuration) -> None:
        """Two services on one port would share its calls."""
        with pytest.raises(ConfigurationError, match=app.grpc_address):
            async with open_app(configuration, "memory://", app.grpc_address):
                pass

    @pytest.mark.parametrize("url", ["mysql://h/d", "nowhere", ""])
    async def test_unknown_database(self, configuration: Configuration, url: str) -> None:
        with pytest.raises(ConfigurationError, match="sqlite"):
            async with open_app(configuration, url, "127.0.0.1:0"):
                pass

    async def test_password_of_a_database_stays_inside(self, configuration: Configuration) -> None:
        with pytest.raises(ConfigurationError) as caught:
            async with open_app(configuration, "mysql://user:hush@h/d", "127.0.0.1:0"):
                pass
        assert "hush" not in str(caught.value)

    async def test_restart_keeps_everything(self, configuration: Configuration, tmp_path: Path) -> None:
        url = f"sqlite:///{tmp_path / 'idsync.db'}"
        mpids = []
        for _ in range(2):
            async with (
                open_app(configuration, url, "127.0.0.1:0") as app,
                AsyncClient.connect(app.grpc_address, SHOP) as client,
            ):
                mpids.append((await client.identify(identify(ios_idfv="d"))).mpid)

        assert mpids[0] == mpids[1]

    async def test_one_process_owns_a_database(self, configuration: Configuration, tmp_path: Path) -> None:
        url = f"sqlite:///{tmp_path / 'idsync.db'}"
        async with open_app(configuration, url, "127.0.0.1:0"):
            with pytest.raises(StoreError):
                async with open_app(configuration, url, "127.0.0.1:0"):
                    pass


async def test_due_work_is_done_by_itself(
    configuration: Configuration, clock: ManualClock, tmp_path: Path
) -> None:
    """ID-187: what became due while the service was down is done when it starts."""
    url = f"sqlite:///{tmp_path / 'idsync.db'}"
    async with (
        open_app(configuration, url, "127.0.0.1:0", clock=clock) as app,
        AsyncClient.connect(app.grpc_address, SHOP) as client,
    ):
        pair = [(await client.identify(identify(ios_idfv=value))).mpid for value in ("a", "b")]
        await client.alias(pb.AliasRequest(source_mpid=pair[0], destination_mpid=pair[1]))
    clock.advance(86_400_000)

    async with (
        open_app(configuration, url, "127.0.0.1:0", clock=clock) as app,
        AsyncClient.connect(app.grpc_address, SHOP) as client,
    ):
        changes = aiter(client.watch_changes(graph.WatchChangesRequest(environment=PRODUCTION, after_seq=3)))
        applied = (await anext(changes)).entry

    assert [change.kind for change in applied.changes] == [graph.CHANGE_KIND_ALIAS_APPLIED]
