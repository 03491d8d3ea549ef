"""What the figures of the decision record rest on: prototypes answer, and what is counted are answers."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.bench.meter import Meter
from tests.bench.serving.candidates import CANDIDATES, Candidate, LeftOutError, running
from tests.bench.serving.pressure import introduce, press
from tests.bench.workloads import Users

OURS = [name for name, candidate in CANDIDATES.items() if not candidate.packages]


@pytest.mark.parametrize("name", OURS)
async def test_a_way_to_serve_takes_users_and_answers_them(tmp_path: Path, name: str) -> None:
    """Those that need no package beyond ours; the others run with the comparison itself."""
    users = Users(250)
    async with running(CANDIDATES[name], tmp_path) as server:
        await introduce(server, users)
        meter = Meter(server.pid)

        sample = await press(
            server,
            server.authorization,
            lambda: users.identify(users.any_known()),
            meter,
            in_flight=8,
            seconds=0.3,
            warm_up_s=0.1,
        )

    assert len(sample.latencies_s) > 8
    assert sample.failed == 0
    assert meter.used_s > 0


async def test_a_caller_without_credentials_is_no_success(tmp_path: Path) -> None:
    """Or the figures would be those of refusals, which cost next to nothing."""
    users = Users(10)
    async with running(CANDIDATES["grpc.aio"], tmp_path) as server:
        sample = await press(
            server,
            None,
            lambda: users.identify(0),
            Meter(server.pid),
            in_flight=2,
            seconds=0.2,
            warm_up_s=0.1,
        )

    assert len(sample.latencies_s) == 0
    assert sample.failed > 2


async def test_what_does_not_start_is_left_out_with_its_reason(tmp_path: Path) -> None:
    """The others are measured all the same."""
    with pytest.raises(LeftOutError, match="No module named"):
        async with running(Candidate("nobody", "no_such_program"), tmp_path):
            pass
