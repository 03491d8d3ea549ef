"""The journal of the shop's graph as server-sent events: `WatchChanges`, for a page that speaks no gRPC.

The operator's token stays here; the page gets what the journal says and nothing else.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Final

from google.protobuf.json_format import MessageToDict

from idsync.client import AsyncClient
from idsync.model.errors import IdsyncError
from idsync.v1.graph_service_pb2 import WatchChangesRequest
from idsync.v1.identity_pb2 import ENVIRONMENT_PRODUCTION
from scripts.demo_shop.service import SCOPE

__all__ = ["server_sent"]

_RETRY_MS: Final = 500


async def server_sent(operator: AsyncClient, after_seq: int, ending: asyncio.Event) -> AsyncIterator[str]:
    """Give each entry as an event that carries its seq, so that a page that comes again goes on behind it.

    Args:
        operator: May watch.
        after_seq: The last entry that the page has seen; 0 for none.
        ending: Set when the site is to end.
    """
    yield f"retry: {_RETRY_MS}\n\n"
    request = WatchChangesRequest(scope=SCOPE, environment=ENVIRONMENT_PRODUCTION, after_seq=after_seq)
    watching = aiter(operator.watch_changes(request))
    over = asyncio.create_task(ending.wait())
    try:
        while True:
            coming = asyncio.ensure_future(anext(watching))
            await asyncio.wait([coming, over], return_when=asyncio.FIRST_COMPLETED)
            if not coming.done():
                coming.cancel()
                # what it still says, such as that the service has gone, is of no interest
                await asyncio.gather(coming, return_exceptions=True)
                return
            entry = coming.result().entry
            data = json.dumps(MessageToDict(entry, preserving_proto_field_name=True))
            yield f"id: {entry.seq}\ndata: {data}\n\n"
    except (IdsyncError, StopAsyncIteration):
        # the page comes again by itself
        return
    finally:
        over.cancel()
