"""One process owns an embedded store: the operating system says so, and forgets it with the process."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from idsync.model.errors import StoreError

__all__ = ["lock"]


def lock(database: Path) -> int:
    """Take the store of a database for this process; give the descriptor that holds it.

    Raises:
        StoreError: Another process has it, or the directory cannot be written.
    """
    path = database.with_name(database.name + ".lock")
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    except OSError as error:
        raise StoreError(f"cannot write to the directory of the database: {error.strerror}") from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        raise StoreError("the database is in use by another process") from None
    return descriptor
