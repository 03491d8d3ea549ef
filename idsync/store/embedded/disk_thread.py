"""A thread for what waits for the disk; a disk that never answers must not keep the process from ending."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from queue import SimpleQueue
from typing import Any, TypeAlias, TypeVar

__all__ = ["DiskThread"]

A = TypeVar("A")
_Work: TypeAlias = tuple[Future[Any], Callable[..., Any], tuple[Any, ...]]


class DiskThread:
    """Runs one function after another.

    The executors of the standard library wait for their threads when the interpreter ends, and for ever.
    """

    def __init__(self, name: str) -> None:
        self._work: SimpleQueue[_Work | None] = SimpleQueue()
        threading.Thread(target=self._run, name=name, daemon=True).start()

    def submit(self, function: Callable[..., A], *arguments: Any) -> Future[A]:
        """Run a function when those before it have ended."""
        future: Future[A] = Future()
        self._work.put((future, function, arguments))
        return future

    def close(self) -> None:
        """End the thread once what was submitted is done; waits for nothing."""
        self._work.put(None)

    def _run(self) -> None:
        while (work := self._work.get()) is not None:
            future, function, arguments = work
            try:
                result = function(*arguments)
            except BaseException as error:
                future.set_exception(error)
            else:
                future.set_result(result)
            # nothing may stay alive only because the next work is long in coming
            del work, future, function, arguments
