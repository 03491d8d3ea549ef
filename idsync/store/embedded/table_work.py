"""What the writer of the tables does for each line, in the service or as a process beside it."""

from __future__ import annotations

import ctypes
import os
import signal
import sqlite3
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import orjson

from idsync.store.embedded.call_tables import CallTables
from idsync.store.embedded.folding import Folder
from idsync.store.embedded.watched_table import WatchedTable

__all__ = ["TableWork"]

_PR_SET_PDEATHSIG: Final = 1


class TableWork:
    """Does one transaction for a line: a number says how far to fold, a JSON array what to keep beside it.

    Args:
        database: The tables' file.
    """

    def __init__(self, database: Path) -> None:
        self._folder = Folder(database)
        calls = CallTables(self._folder.tables)
        self._written_beside: dict[str, Callable[..., int]] = {
            "record": calls.record,
            "span": calls.span,
            "forget": calls.forget,
            "drop": calls.drop,
            "watched": WatchedTable(self._folder.tables).note,
        }

    def close(self) -> None:
        """Close every file."""
        self._folder.close()

    def do(self, line: bytes) -> int:
        """Do what a line says; gives how far was folded, or how many rows were looked after.

        Raises:
            sqlite3.Error: The tables cannot be written, and are as before.
        """
        if not line.startswith(b"["):
            return self._folder.step(int(line))
        asked: list[Any] = orjson.loads(line)
        return self._written_beside[asked[0]](*asked[1:])


def main() -> None:
    """Do what each line on standard input says, and answer it with a line.

    Ends with the input, and with the service: one that was stopped would hold the tables against the next.
    """
    _end_with_parent()
    work = TableWork(Path(sys.argv[1]))
    for line in sys.stdin.buffer:
        try:
            answer = str(work.do(line))
        except sqlite3.Error as error:
            answer = f"error {getattr(error, 'sqlite_errorname', type(error).__name__)}"
        sys.stdout.write(answer + "\n")
        sys.stdout.flush()
    work.close()


def _end_with_parent() -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != int(sys.argv[2]):
            sys.exit("the service has ended")


if __name__ == "__main__":
    main()
