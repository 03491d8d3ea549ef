"""One event loop on a thread of its own, for callers that have none."""

from __future__ import annotations

import asyncio
import concurrent.futures
import threading
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from idsync.client.errors import client_closed

__all__ = ["LoopThread"]

R = TypeVar("R")


class LoopThread:
    """Runs coroutines for any number of other threads until it is stopped.

    The thread is a daemon: a program that forgets to stop it can still end.
    """

    def __init__(self, name: str) -> None:
        """Start the thread; `name` is for those who look at the list of threads."""
        self._lock = threading.Lock()
        self._stopped = False
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._serve, name=name, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.get_loop().run_forever()

    def submit(self, start: Callable[[], Coroutine[Any, Any, R]]) -> concurrent.futures.Future[R]:
        """Start a coroutine on the loop without waiting for its end.

        Args:
            start: Makes the coroutine.

        Raises:
            UnavailableError: The thread was stopped.
        """
        # What is handed over under the lock comes before the stop, so it ends, if only by cancellation.
        with self._lock:
            if self._stopped:
                raise client_closed()
            return asyncio.run_coroutine_threadsafe(start(), self._loop)

    def run(self, start: Callable[[], Coroutine[Any, Any, R]]) -> R:
        """Run a coroutine on the loop and wait for what it returns or raises.

        Args:
            start: Makes the coroutine.

        Raises:
            UnavailableError: The thread was stopped, before or meanwhile.
        """
        future = self.submit(start)
        try:
            return future.result()
        except concurrent.futures.CancelledError:
            raise client_closed() from None
        except BaseException:
            # An interrupted wait must not leave the call running.
            future.cancel()
            raise

    def stop(self) -> None:
        """Cancel what still runs, close the loop and wait for the thread; once is enough."""
        with self._lock:
            if not self._stopped:
                self._stopped = True
                self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
