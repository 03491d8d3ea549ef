"""Typed answers to JSON (ID-229, ID-230). MPIDs are always text: a browser would round the number."""

from __future__ import annotations

from typing import Final, TypeAlias

import orjson

from idsync.model.identity import IdentityType
from idsync.v1 import identity_service_pb2 as pb

__all__ = ["ResolveAnswer", "modify_answer", "resolve_answer"]

ResolveAnswer: TypeAlias = pb.IdentifyResponse | pb.LoginResponse | pb.LogoutResponse | pb.SearchResponse

_NAMES: Final[dict[int, str]] = {t.value: t.wire_name for t in IdentityType}


def resolve_answer(answer: ResolveAnswer, *, return_matches: bool) -> bytes:
    """Write the body for identify, login, logout or search.

    Args:
        answer: What the service said.
        return_matches: Whether to show `matched_identities` (ID-089).
    """
    members: dict[str, object] = {"context": None, "mpid": str(answer.mpid)}
    if return_matches:
        members["matched_identities"] = {_NAMES[each.type]: each.value for each in answer.matched_identities}
    members["is_ephemeral"] = answer.is_ephemeral
    members["is_logged_in"] = answer.is_logged_in
    return orjson.dumps(members)


def modify_answer(answer: pb.ModifyResponse) -> bytes:
    """Write the body for modify, which names no `mpid`: a client would follow one that is not its own."""
    results = [
        {"identity_type": _NAMES[result.type], "modified_mpid": str(result.modified_mpid)}
        for result in answer.change_results
    ]
    return orjson.dumps({"change_results": results, "is_logged_in": answer.is_logged_in})
