"""Every vector over gRPC, on a service with a clock that can be moved."""

from __future__ import annotations

import pytest

from idsync.testing.scenario.case import Case
from tests.conformance.services import over_grpc
from tests.conformance.vectors import STORIES, TYPED, hold


@pytest.mark.parametrize("case", STORIES, ids=lambda case: case.id)
async def test_vector(case: Case) -> None:
    await hold(case, over_grpc("memory://"), TYPED)
