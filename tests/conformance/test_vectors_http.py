"""Every vector over HTTP, on a service with a clock that can be moved; HTTP can express all of them."""

from __future__ import annotations

from typing import Final

import pytest

from idsync.testing.scenario.case import Call, Case
from tests.conformance.services import over_http
from tests.conformance.vectors import STORIES, faults_of

ONE_OF_EACH_CALL: Final = list(
    {step.call: case for case in STORIES for step in case.steps if step.call is not Call.HTTP}.values()
)


@pytest.mark.parametrize("case", STORIES, ids=lambda case: case.id)
async def test_vector(case: Case) -> None:
    assert await faults_of(case, over_http("memory://"), {}) == []


@pytest.mark.parametrize("case", ONE_OF_EACH_CALL, ids=lambda case: case.id)
async def test_vector_with_the_key_alone(case: Case) -> None:
    """What web clients show (ID-226): no secret anywhere, for alias not even a header."""
    assert await faults_of(case, over_http("memory://", key_only=True), {}) == []
