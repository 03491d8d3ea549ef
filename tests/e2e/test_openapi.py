"""The service does what its OpenAPI document says, as a tool that reads nothing else finds it."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from tests.e2e.http_process import http_process

CONFIGURATION = """
[operator]
token = "op-token"

[scopes.shop]
strategy = "profile_conversion"
identity_priority = ["customerid", "email", "ios_idfv", "device_application_stamp"]
login_ids = ["customerid", "email"]
unique_ids = ["customerid", "email"]

[workspaces.shop]
scope = "shop"
[[workspaces.shop.inputs]]
platform = "web"
key = "shop"
secret = "shop-secret"
key_only = true
may_read = true
"""
PARAMETERS = """
[parameters]
"path.key" = "shop"
"path.mpid" = "{}"
"""
NOT_PROMISED = (
    # what is sound by the document may still mean nobody, or change what cannot change
    "positive_data_acceptance",
    # uploads of apps are accepted whatever is in them, since they would come again for ever
    "negative_data_rejection",
)


def test_the_service_keeps_to_its_document(tmp_path: Path) -> None:
    """Statuses, headers, types and bodies of some thousand requests, sound and unsound."""
    with http_process(tmp_path, CONFIGURATION) as service:
        line = service.line()
        made = line.post(
            "/v1/identify",
            b'{"environment":"production","known_identities":{"customerid":"c-1"}}',
            {"x-mp-key": "shop"},
        )
        settings = tmp_path / "schemathesis.toml"
        settings.write_text(PARAMETERS.format(made.json["mpid"]))
        ended = subprocess.run(
            [
                str(Path(sys.executable).with_name("schemathesis")),
                f"--config-file={settings}",
                "run",
                f"http://{service.addresses.http}/openapi.json",
                "--auth=shop:shop-secret",
                "--phases=examples,coverage,fuzzing",
                "--max-examples=5",
                "--generation-deterministic",
                f"--exclude-checks={','.join(NOT_PROMISED)}",
                "--no-color",
            ],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
            timeout=400,
        )
        log = service.log.read_text()

    assert ended.returncode == 0, ended.stdout[-10_000:]
    assert re.search(r"Selected: (\d\d)/\1$.*Tested: \1$", ended.stdout, re.DOTALL | re.MULTILINE)
    assert "http_failed" not in log
