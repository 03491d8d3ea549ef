"""Whatever logs, in our code or in a library: an error is told by its place, never by its text."""

from __future__ import annotations

import asyncio
import json
import logging
import sys

import structlog
from structlog.testing import capture_logs

from idsync.cli.log_output import _foreign_lines, log_loop_errors

VALUE = "secret@example.com"


def fail() -> None:
    raise ValueError(VALUE)


def test_errors_in_lines_of_libraries_are_told_without_values() -> None:
    try:
        fail()
    except ValueError:
        record = logging.LogRecord("grpc", logging.ERROR, __file__, 1, "boom", None, sys.exc_info())

    line = _foreign_lines().format(record)

    assert VALUE not in line
    assert json.loads(line)["event"] == "boom"
    assert "in fail" in json.loads(line)["traceback"]


def test_lines_of_libraries_without_an_error_stay_as_they_are() -> None:
    record = logging.LogRecord("grpc", logging.WARNING, __file__, 1, "all is %s", ("well",), None)

    line = json.loads(_foreign_lines().format(record))

    assert line["event"] == "all is well"
    assert "traceback" not in line


async def test_errors_that_nobody_waits_for_are_told_without_values() -> None:
    """asyncio would show the task, and with it the text of its error."""
    structlog.reset_defaults()
    loop = asyncio.get_running_loop()
    with capture_logs() as lines:
        log_loop_errors(loop)
        loop.call_soon(fail)
        await asyncio.sleep(0)
        loop.call_exception_handler({"message": "a task was lost"})

    assert VALUE not in str(lines)
    assert "in fail" in lines[0]["traceback"]
    assert lines[1]["message"] == "a task was lost"
