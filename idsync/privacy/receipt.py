"""Receipts: what an erasure was, as a signed JSON document without personal data.

Everything in it comes from the one journal entry that the erasure is, so that it can be written again at any
time, after a crash too, and is the same to the byte.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

import orjson

from idsync.model.errors import InvalidRequestError, NoSigningKeyError
from idsync.model.identity import TYPES_BY_NAME, Environment, GraphKey, Identity, Mpid
from idsync.model.journal import Change, ChangeKind, JournalEntry
from idsync.privacy.signing_key import SigningKey

__all__ = [
    "INPUT_ID",
    "MAX_RECEIPT_BYTES",
    "Receipt",
    "erased_mpids",
    "read_receipt",
    "tombstone",
    "written_receipt",
]

INPUT_ID: Final = "operator"
"""Who erases, as the journal names him."""
MAX_RECEIPT_BYTES: Final = 16 * 1_024 * 1_024
_KIND: Final = "idsync erasure receipt"
_VERSION: Final = 1
_ENVIRONMENTS: Final = {environment.wire_name: environment for environment in Environment}


def tombstone(key: SigningKey, erasure_id: str, graph: GraphKey, identity: Identity) -> str:
    """Give what the journal keeps of a value: whose key, and the keyed digest."""
    return f"{key.key_id}:{key.digest(erasure_id, graph, identity)}"


def erased_mpids(entry: JournalEntry) -> list[Mpid]:
    """List the profiles that an entry erased."""
    return [change.mpid for change in entry.changes if change.kind is ChangeKind.PROFILE_ERASED]


def written_receipt(entry: JournalEntry, link: bytes, not_reached: list[str], key: SigningKey) -> str:
    """Write the receipt of an erasure.

    Args:
        entry: The erasure.
        link: The link of the chain at its position.
        not_reached: What may be left elsewhere, in sentences.
        key: The one that the erasure was made with.

    Raises:
        NoSigningKeyError: It was another.
    """
    removed = [change for change in entry.changes if change.kind is ChangeKind.VALUE_ERASED]
    kept = [change for change in entry.changes if change.kind is ChangeKind.VALUE_KEPT]
    for change in (*removed, *kept):
        if change.reason.partition(":")[0] != key.key_id:
            raise NoSigningKeyError(
                f"the erasure was made with the key {change.reason.partition(':')[0]}; "
                f"the service has {key.key_id}"
            )
    mpids = erased_mpids(entry)
    settled = sum(change.kind is ChangeKind.ALIAS_IGNORED for change in entry.changes)
    statement: dict[str, Any] = {
        "kind": _KIND,
        "version": _VERSION,
        "erasure_id": entry.idempotency_key,
        "scope": entry.graph.scope,
        "environment": entry.graph.environment.wire_name,
        "time": _time(entry.at_ms),
        "requested_by": entry.input_id,
        "request_id": entry.request_id,
        "rule": entry.rule,
        "asked": {
            "mpids": mpids if entry.rule == "erase/named" else [],
            "identities": _digests([c for c in (*removed, *kept) if c.other is not None]),
        },
        "erased_mpids": mpids,
        "removed": _digests(removed),
        "kept": _digests(kept),
        "counts": {
            "profiles": len(mpids),
            "removed": _counts(removed),
            "kept": _counts(kept),
            "alias_requests_ignored": settled,
        },
        "journal": {"position": entry.seq, "link": link.hex()},
        "not_reached": not_reached,
        "key_id": key.key_id,
    }
    return _document(statement, key.sign(orjson.dumps(statement)))


def _document(statement: Any, signature: bytes) -> str:
    document = {"statement": statement, "signature": b64encode(signature).decode()}
    return orjson.dumps(document, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE).decode()


def _digests(changes: list[Change]) -> list[dict[str, str]]:
    return [
        {"type": change.identity.type.wire_name, "digest": change.reason.partition(":")[2]}
        for change in changes
        if change.identity is not None
    ]


def _counts(changes: list[Change]) -> dict[str, int]:
    return dict(Counter(c.identity.type.wire_name for c in changes if c.identity is not None))


def _time(at_ms: int) -> str:
    return (
        datetime.fromtimestamp(at_ms / 1_000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    )


@dataclass(frozen=True, slots=True)
class Receipt:
    """A receipt that its key has signed.

    Attributes:
        removed: Digests of the values that were removed.
        position: Of the erasure in the journal.
        link: Of the chain there.
    """

    erasure_id: str
    graph: GraphKey
    mpids: tuple[Mpid, ...]
    removed: frozenset[str]
    position: int
    link: bytes


def read_receipt(content: bytes, key: SigningKey) -> Receipt:
    """Read a receipt, and make sure that not a byte of it was changed since it was signed.

    Raises:
        InvalidRequestError: It is no receipt, another key signed it, or it was changed.
    """
    try:
        document = orjson.loads(content)
        statement, signature = document["statement"], b64decode(document["signature"], validate=True)
        if statement["kind"] != _KIND or statement["version"] != _VERSION:
            raise InvalidRequestError("the file is no receipt of this version")
        key_id = statement["key_id"]
        receipt = Receipt(
            statement["erasure_id"],
            GraphKey(statement["scope"], _ENVIRONMENTS[statement["environment"]]),
            tuple(int(mpid) for mpid in statement["erased_mpids"]),
            frozenset(one["digest"] for one in statement["removed"] if one["type"] in TYPES_BY_NAME),
            int(statement["journal"]["position"]),
            bytes.fromhex(statement["journal"]["link"]),
        )
    except (KeyError, TypeError, ValueError, AttributeError):
        raise InvalidRequestError("the file is no receipt") from None
    if key_id != key.key_id:
        raise InvalidRequestError(f"the receipt names the key {key_id}, and this is {key.key_id}")
    if not key.has_signed(orjson.dumps(statement), signature):
        raise InvalidRequestError("the signature is not that of the key: the receipt was changed")
    if _document(statement, signature).encode() != content:
        raise InvalidRequestError("the receipt was changed: it is not written as it was signed")
    return receipt
