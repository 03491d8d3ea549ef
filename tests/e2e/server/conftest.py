"""The service on no disk."""

from __future__ import annotations

import pytest


@pytest.fixture
def database_url() -> str:
    """None of this depends on the store."""
    return "memory://"
