"""The process that reads a history for the one that replays it: one reads ahead while the other computes.

It has one page ready at most, as the pipe takes no second one before the first was taken out.
"""

from __future__ import annotations

import asyncio
import os
from typing import BinaryIO

from idsync.model.errors import IdsyncError
from idsync.model.identity import GraphKey
from idsync.preview.pages import END, fault_bytes, page_bytes
from idsync.store.history import open_history

__all__ = ["read_ahead"]


def read_ahead(url: str, key: GraphKey, until_seq: int) -> tuple[BinaryIO, int]:
    """Start the process; to be called before there is any thread.

    It ends with the pages, or when nobody takes them any more.

    Args:
        url: The database.
        key: Whose history.
        until_seq: The last entry.

    Returns:
        Where the pages come from, and the number of the process.
    """
    source, sink = os.pipe()
    process = os.fork()
    if process:
        os.close(sink)
        return os.fdopen(source, "rb"), process
    os.close(source)
    status = 1
    try:
        with os.fdopen(sink, "wb") as pages:
            asyncio.run(_write(url, key, until_seq, pages))
        status = 0
    finally:
        # nothing else of this process is its own
        os._exit(status)


async def _write(url: str, key: GraphKey, until_seq: int, pages: BinaryIO) -> None:
    try:
        async with open_history(url) as history:
            async for page in history.history(key, until_seq):
                pages.write(page_bytes(page))
                pages.flush()
    except IdsyncError as error:
        pages.write(fault_bytes(error.message))
    else:
        pages.write(END)
