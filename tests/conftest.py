"""For every test: how many cases are generated, that CI skips nothing, and where nobody is.

IDSYNC_HYPOTHESIS=long generates many more cases, other ones each time. Under CI=true a skipped test fails,
because a skipped check holds nothing.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Generator, Iterator
from typing import TypeVar

import pytest
from hypothesis import settings

# gRPC would stop and restart its threads around every fork; we only ever start other programs
os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "0")

# No deadline: how long a case takes says more about the machine than about the code.
settings.register_profile("quick", deadline=None, derandomize=True, max_examples=40)
settings.register_profile("long", deadline=None, max_examples=300, print_blob=True)
settings.load_profile(os.environ.get("IDSYNC_HYPOTHESIS", "quick"))

_WAITING_WORKERS = 2

_Report = TypeVar("_Report", pytest.TestReport, pytest.CollectReport)


def _unskipped(report: _Report) -> _Report:
    if report.skipped and os.environ.get("CI") == "true":
        report.outcome = "failed"
        report.longrepr = f"skipped, and CI skips nothing: {report.longreprtext or report.longrepr}"
    return report


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers(config: pytest.Config) -> int | None:
    """Say what `-n auto` means: more workers than cores.

    The slow tests wait, for processes, disks and clocks, more than they work, so cores would idle.
    """
    del config
    if "PYTEST_XDIST_AUTO_NUM_WORKERS" in os.environ:
        return None
    return len(os.sched_getaffinity(0)) + _WAITING_WORKERS


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Fail a test that would be skipped."""
    return _unskipped((yield))


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """Fail a module that would be skipped."""
    return _unskipped((yield))


@pytest.fixture
def nobody() -> Iterator[str]:
    """An address at which nobody listens, and nobody else can begin to."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield f"127.0.0.1:{held.getsockname()[1]}"
