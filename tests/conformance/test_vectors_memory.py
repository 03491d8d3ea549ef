"""Every vector on the strategies over the memory store."""

from __future__ import annotations

import pytest

from idsync.testing.scenario.case import AnyCase
from idsync.testing.scenario.resolver_surface import over_memory
from tests.conformance.vectors import CASES, TYPED, faults_of


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
async def test_vector(case: AnyCase) -> None:
    assert await faults_of(case, over_memory(), TYPED) == []
