"""A service to replay traffic to, on no disk."""

from __future__ import annotations

from pathlib import Path

import pytest

from idsync.config import Configuration, parse_configuration

CONFIGURATION = """
[scopes.shop]
strategy = "{strategy}"
identity_priority = ["customerid", "email", "ios_idfv", "android_uuid", "device_application_stamp"]
login_ids = ["customerid"]
unique_ids = ["customerid"]
immutable_ids = ["customerid"]

[workspaces.shop]
scope = "shop"

[[workspaces.shop.inputs]]
platform = "web"
key = "shop-web"
secret = "shop-secret"
may_read = true
"""


@pytest.fixture(params=["profile_conversion"])
def configuration(request: pytest.FixtureRequest, tmp_path: Path) -> Configuration:
    """One scope, one input: the shop's."""
    return parse_configuration(CONFIGURATION.format(strategy=request.param), tmp_path)


@pytest.fixture
def database_url() -> str:
    """What becomes of a line does not depend on the store."""
    return "memory://"
