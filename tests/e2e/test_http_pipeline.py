"""From an upload over HTTP to the profile, in the service as people start it."""

from __future__ import annotations

import json
import sqlite3
import time
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path

import pytest

from idsync.pipeline.profile.documents import read_document
from tests.e2e.http_process import CONFIGURATION, HttpProcess, http_process

SERVER = (
    CONFIGURATION
    + """
[[workspaces.shop.inputs]]
platform = "server"
key = "server"
secret = "server-secret"
"""
)
EXAMPLE = {
    "source_request_id": "407952b9-a9d5-5818-9d17-2b47392402bb",
    "environment": "production",
    "user_identities": {"customer_id": "HP-118250", "email": "teo.marchetti@example.com"},
    "user_attributes": {
        "$FirstName": "Teo",
        "favorite_stores": ["Milano Centro", "Bergamo Alta"],
        "lifetime_orders": 14,
        "wholesale_buyer": None,
    },
    "deleted_user_attributes": ["trial_member"],
}
"""The fifth of the examples that come with the specification."""


@pytest.fixture(params=[1, 2])
def folder(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    (tmp_path / "processes").write_text(str(request.param))
    return tmp_path


@pytest.fixture
def service(folder: Path) -> Iterator[HttpProcess]:
    """Alone, and behind two processes that take connections."""
    with http_process(folder, SERVER, "--processes", (folder / "processes").read_text()) as running:
        yield running


def test_an_upload_is_on_the_profile_within_a_second_or_so(service: HttpProcess, folder: Path) -> None:
    """EV-031, PR-010, PR-014: whichever process took it in."""
    authorization = f"Basic {b64encode(b'server:server-secret').decode()}"
    line = service.line()

    answer = line.post("/v2/events", json.dumps(EXAMPLE).encode(), {"authorization": authorization})
    (document,) = _documents(folder)

    profile = read_document(document)
    assert answer.status == 202
    assert {name: write.value for name, write in profile.attributes.items()} == {
        "$firstname": "Teo",
        "favorite_stores": ["Milano Centro", "Bergamo Alta"],
        "lifetime_orders": 14,
        "wholesale_buyer": None,
        "trial_member": None,
    }
    assert [name for name, write in profile.attributes.items() if write.is_deleted] == ["trial_member"]
    assert 'idsync_pipeline_batches_total{outcome="processed"} 1.0' in line.get("/metrics").body.decode()


def _documents(folder: Path) -> list[bytes]:
    connection = sqlite3.connect(folder / "events.db")
    try:
        deadline_s = time.monotonic() + 60
        while time.monotonic() < deadline_s:
            found = [document for (document,) in connection.execute("SELECT document FROM profile")]
            if found:
                return found
            time.sleep(0.01)
        raise AssertionError("nothing was processed")
    finally:
        connection.close()
