"""`idsync serve --processes 2`, once for the tests that leave it as it was."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest

from idsync.client import AsyncClient
from tests.e2e.conftest import SHOP
from tests.e2e.fronts.processes import FLAGS, SERVED
from tests.e2e.http_process import HttpProcess, http_process


@pytest.fixture(scope="package")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HttpProcess]:
    """A service with two fronts."""
    with http_process(tmp_path_factory.mktemp("fronts"), SERVED, *FLAGS) as service:
        yield service
        assert service.stop() == 0


@pytest.fixture
async def client(service: HttpProcess) -> AsyncIterator[AsyncClient]:
    """A client of it."""
    async with AsyncClient.connect(service.addresses.grpc, SHOP) as client:
        yield client
