"""Whose a batch is: asked of the identity service, which alone decides (ID-200 to ID-202, PL-007)."""

from __future__ import annotations

from typing import Final

from idsync.client import AsyncClient, Credentials
from idsync.model.errors import InvalidRequestError, LookupFailedError
from idsync.model.events import Batch, BatchRefusedError
from idsync.model.identity import Mpid
from idsync.v1 import identity_pb2 as nouns
from idsync.v1 import identity_service_pb2 as pb

__all__ = ["mpid_of"]

_MAX_ID_CHARS: Final = 128
"""Longer ids of senders are none for the journal."""


async def mpid_of(batch: Batch, client: AsyncClient, credentials: Credentials) -> Mpid:
    """Find the profile of a batch.

    Args:
        batch: With an MPID it belongs to that profile, whatever identities it names; without, to whom its
            identities mean, who is made if he is new.
        client: The identity service.
        credentials: Those the batch came with; they are verified by this.

    Raises:
        BatchRefusedError: The MPID does not exist, or there are no identities that could be looked up.
        IdsyncError: What else the service said.
    """
    if batch.mpid is not None:
        return await _existing(batch, batch.mpid, client, credentials)
    try:
        answer = await client.identify(
            pb.IdentifyRequest(
                environment=nouns.Environment.ValueType(batch.environment),
                known_identities=[
                    nouns.Identity(type=nouns.IdentityType.ValueType(kind), value=value)
                    for kind, value in batch.identities.items()
                ],
                request_id=batch.request_id if len(batch.request_id) <= _MAX_ID_CHARS else "",
            ),
            credentials=credentials,
        )
    except LookupFailedError:
        raise BatchRefusedError(
            "the batch has neither an mpid nor an identity", cause="no_identity", body=batch.body
        ) from None
    except InvalidRequestError as error:
        raise BatchRefusedError(error.message, cause="invalid_identity", body=batch.body) from None
    return answer.mpid


async def _existing(batch: Batch, mpid: Mpid, client: AsyncClient, credentials: Credentials) -> Mpid:
    # An input that may not read may still modify, and a change from nothing to nothing is none (ID-154): it
    # is refused only where there is no such profile in the graph of the batch (ID-150).
    nothing = pb.IdentityChange(type=nouns.IDENTITY_TYPE_OTHER)
    try:
        await client.modify(
            pb.ModifyRequest(
                environment=nouns.Environment.ValueType(batch.environment),
                mpid=mpid,
                identity_changes=[nothing],
            ),
            credentials=credentials,
        )
    except LookupFailedError:
        raise BatchRefusedError(
            "mpid names no profile of this environment", cause="unknown_mpid", body=batch.body
        ) from None
    return mpid
