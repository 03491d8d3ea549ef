"""How a service logs: one JSON object a line, on standard error."""

from __future__ import annotations

import asyncio
import logging
import sys
from typing import Any, Final

import structlog

from idsync.server.traceback import traceback_without_values

__all__ = ["LEVELS", "log_loop_errors", "log_to_stderr"]

LEVELS: Final = ("debug", "info", "warning", "error")

_SHARED: Final[list[structlog.typing.Processor]] = [
    structlog.contextvars.merge_contextvars,
    structlog.processors.add_log_level,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
]


def log_to_stderr(level: str) -> None:
    """Send our log lines, and those of libraries, to standard error from a level on."""
    least = logging.getLevelNamesMapping()[level.upper()]
    structlog.configure(
        processors=[*_SHARED, structlog.processors.JSONRenderer()],
        wrapper_class=structlog.make_filtering_bound_logger(least),
        logger_factory=structlog.WriteLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_foreign_lines())
    logging.basicConfig(handlers=[handler], level=max(least, logging.WARNING), force=True)


def log_loop_errors(loop: asyncio.AbstractEventLoop) -> None:
    """Log what goes wrong where nobody waits for it; asyncio itself would quote the error."""
    log = structlog.get_logger("idsync.loop")

    def report(_loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        error = context.get("exception")
        if isinstance(error, BaseException):
            log.error("loop_error", traceback=traceback_without_values(error))
        else:
            log.error("loop_error", message=context["message"])

    loop.set_exception_handler(report)


def _foreign_lines() -> logging.Formatter:
    """Lay out the lines of libraries like ours."""
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=_SHARED,
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            _without_values,
            structlog.processors.JSONRenderer(),
        ],
    )


def _without_values(_log: object, _name: str, line: structlog.typing.EventDict) -> structlog.typing.EventDict:
    """Show where an error came from: its text may quote an identity."""
    error = (line.pop("exc_info", None) or (None, None))[1]
    if error is not None:
        line["traceback"] = traceback_without_values(error)
    return line
