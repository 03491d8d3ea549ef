"""A coroutine that is begun at once, and becomes a task only if it has to wait.

`answer_bytes` of a repeated call never waits, and a task costs more than it. Until it waits it has no current
task, so it must not use `asyncio.timeout` or a task group before; ours do not.
"""

from __future__ import annotations

from collections.abc import Coroutine, Generator
from types import coroutine
from typing import Any

__all__ = ["resumed"]


@coroutine
def resumed(begun: Coroutine[Any, Any, bytes], awaited: Any) -> Generator[Any, Any, bytes]:
    """Go on with a coroutine that has been sent its first `None` and gave `awaited`; hand errors to it."""
    try:
        while True:
            try:
                value = yield awaited
            except BaseException as error:
                awaited = begun.throw(error)
            else:
                awaited = begun.send(value)
    except StopIteration as end:
        return bytes(end.value)
