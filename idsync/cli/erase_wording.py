"""How an erasure reads on a terminal."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from idsync.cli.wording import identity_text, row, type_name

if TYPE_CHECKING:
    from idsync.v1 import privacy_service_pb2 as pb

__all__ = ["erasure_lines", "scope_lines"]


def _counted(counts: Any) -> str:
    return ", ".join(f"{each.count:,} {type_name(each.type)}" for each in counts) or "none"


def scope_lines(scope: pb.ErasureScope) -> Iterator[str]:
    """Say what an erasure would remove, what stays and what it does not reach."""
    for profile in scope.profiles:
        kind = "known" if profile.is_known else "anonymous"
        created = profile.create_time.ToJsonString()
        yield row("profile", f"{profile.mpid}  {kind}, since {created}: {_counted(profile.identities)}")
    yield row("removes", _counted(scope.removed))
    for kept in scope.kept:
        why = f"other holders: {kept.other_holders:,}" if kept.other_holders else "others' alias request"
        yield row("stays", f"{identity_text(kept.identity)}  ({why})")
    yield row("aliases", f"{scope.alias_requests:,} requests")
    texts = f"{scope.caller_texts:,} of them lose a text of their caller"
    yield row("journal", f"{scope.journal_entries:,} entries stay without values, {texts}")
    for mpid in scope.former_holder_mpids:
        yield row("once had it", f"{mpid}  lives, and is not erased")
    for sentence in scope.not_reached:
        yield row("not reached", sentence)


def erasure_lines(erasure: pb.Erasure, receipt: Path | None) -> Iterator[str]:
    """Say what was erased, and where its receipt is or how it is had."""
    yield row("erasure", erasure.erasure_id)
    for mpid in erasure.mpids:
        yield row("erased", str(mpid))
    yield row("journal", f"entry {erasure.journal_seq} at {erasure.time.ToJsonString()}")
    yield row(
        "receipt",
        str(receipt) if receipt is not None else f"idsync erase show {erasure.erasure_id} --receipt FILE",
    )
