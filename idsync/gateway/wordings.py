"""What an identity request says, whatever id it has: by that its answer is recalled while it stands.

Clients send the same identities over and over, each time with a fresh `request_id` and time. Neither has a
part in the answer, and nothing is journaled of a call that changes nothing.
"""

from __future__ import annotations

from functools import partial
from typing import Final

import orjson

from idsync.gateway.answers import resolve_answer
from idsync.gateway.bodies import may_repeat_types, request_id_of
from idsync.gateway.flags import Flags
from idsync.model.wording import Wording

__all__ = ["wording_of"]

_MAX_BYTES: Final = 2_048
"""Size of a body that is looked at; what is longer has more than identities in it."""
_MAX_ID_CHARS: Final = 128
"""A longer request id is none of a published client; whether it is too long the service must say."""
_OF_EACH_REQUEST: Final = ("request_id", "requestId", "request_timestamp_ms")
_WRITE: Final = {shows: partial(resolve_answer, return_matches=shows) for shows in (True, False)}


def wording_of(body: dict[str, object], text: bytes, flags: Flags) -> Wording | None:
    """Word a request to identify, login, logout or search.

    Args:
        body: The whole body, parsed.
        text: The same as it came.
        flags: Those of its query.

    Returns:
        `None`: its answer cannot be recalled, since more than its parsed values decides whether it is sound.
    """
    known = body.get("known_identities")
    if (
        len(text) > _MAX_BYTES
        or type(known) is not dict
        or len(request_id_of(body)) > _MAX_ID_CHARS
        or may_repeat_types(known, text)
    ):
        return None
    said = body.copy()
    for name in _OF_EACH_REQUEST:
        said.pop(name, None)
    try:
        return Wording(
            "read_only" if flags.read_only else "", orjson.dumps(said), _WRITE[flags.return_matches]
        )
    except orjson.JSONEncodeError:
        # More can be read than can be written: what is nested deeply.
        return None
