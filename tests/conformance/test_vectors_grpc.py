"""Every vector over gRPC, on a service with a clock that can be moved."""

from __future__ import annotations

import pytest

from idsync.testing.scenario.case import Case
from tests.conformance.services import over_grpc
from tests.conformance.vectors import STORIES, TYPED, faults_of


@pytest.mark.parametrize("case", STORIES, ids=lambda case: case.id)
async def test_vector(case: Case) -> None:
    assert await faults_of(case, over_grpc("memory://"), TYPED) == []
