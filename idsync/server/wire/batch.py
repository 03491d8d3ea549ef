"""The calls and results of a batch or stream, between wire and model."""

from __future__ import annotations

from typing import Final

from grpc import StatusCode

from idsync.model.changes import Modification, Resolution
from idsync.model.errors import IdsyncError, InvalidRequestError
from idsync.model.request import ModifyRequest, Operation, ResolveRequest
from idsync.server.admission.caller import Caller
from idsync.server.wire.convert import (
    modification_to_wire,
    modify_from_wire,
    resolution_to_wire,
    resolve_from_wire,
)
from idsync.server.wire.status import INTERNAL, code_of
from idsync.v1 import identity_service_pb2 as pb

__all__ = ["CallReader", "error_to_wire", "fill_result"]

_OPERATIONS: Final = {operation.value: operation for operation in Operation}


class CallReader:
    """Reads the calls of one caller."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller

    def read(self, message: pb.ResolveCall) -> ResolveRequest | ModifyRequest:
        """Read one call.

        Raises:
            InvalidRequestError: It holds none of the requests we know, or what it holds is at fault.
        """
        kind = message.WhichOneof("call")
        if kind is None:
            raise InvalidRequestError("call: is empty", fields=("call",))
        if kind == "modify":
            return modify_from_wire(message.modify, self._caller)
        return resolve_from_wire(_OPERATIONS[kind], getattr(message, kind), self._caller)


def fill_result(result: pb.ResolveResult, message: pb.ResolveCall, answer: Resolution | Modification) -> None:
    """Put an answer in the place of its call, which is empty."""
    if isinstance(answer, Modification):
        result.modify.CopyFrom(modification_to_wire(answer))
        return
    kind = message.WhichOneof("call")
    assert kind is not None, "it was read before it was answered"
    resolution_to_wire(getattr(result, kind), answer, getattr(message, kind).known_identities)


def error_to_wire(error: IdsyncError) -> pb.ResolveResult:
    """Put an error in the place of its call; the text of a fault of ours stays inside (ID-236)."""
    code = code_of(error)
    known = error if code is not StatusCode.INTERNAL else IdsyncError(INTERNAL)
    return pb.ResolveResult(
        error=pb.ResolveError(
            code=code.value[0],
            reason=known.reason,
            message=known.message,
            retry_delay_s=known.retry_delay_s,
            metadata=known.metadata,
            fields=known.fields if isinstance(known, InvalidRequestError) else (),
        )
    )
