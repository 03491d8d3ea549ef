"""The body of a batch, in whichever form it came, as what it tells of its user."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

import orjson

from idsync.model.batch_identities import device_identities, identities_of, numbered_identities
from idsync.model.events import Channel
from idsync.model.identity import IdentityType
from idsync.pipeline.profile.attributes import AttributeChange, attributes_of, is_scalar
from idsync.pipeline.profile.record import Device, Period, WorkspaceProfile, Written
from idsync.pipeline.store.work import QueuedBatch

__all__ = ["Reading", "identities_in", "is_named", "read_batch", "told_by"]

_SERVERS: Final = frozenset({Channel.SERVER, Channel.HISTORICAL})
_INT64: Final = 2**63


@dataclass(frozen=True, slots=True)
class Reading:
    """A queued batch and its parsed body.

    Attributes:
        is_short: It is in the short form of devices and old pages.
    """

    batch: QueuedBatch
    body: Mapping[str, object] = field(repr=False)
    is_short: bool


def read_batch(batch: QueuedBatch) -> Reading:
    """Parse a batch.

    Raises:
        ValueError: It is no JSON, as what an operator has corrected may be.
        TypeError: It is no object.
    """
    try:
        body = orjson.loads(batch.body)
    except orjson.JSONDecodeError:
        # half of a surrogate pair, which what took the batch in lets through
        body = json.loads(batch.body)
    if not isinstance(body, dict):
        raise TypeError("the batch is no JSON object")
    is_page = batch.channel is Channel.WEB and type(body.get("dt")) is int
    return Reading(batch, body, is_page or batch.channel is Channel.NATIVE)


def is_named(reading: Reading) -> bool:
    """Say whether the batch names its profile by an MPID."""
    return reading.body.get("mpid") not in (None, "", 0, "0")


def identities_in(reading: Reading) -> dict[IdentityType, str]:
    """Collect the identities of a batch.

    Raises:
        BatchRefusedError: One type has two values, or one that is no text.
    """
    body = reading.body
    if reading.is_short:
        return numbered_identities(body.get("ui"), body.get("das"))
    return identities_of(body, body.get("mp_deviceid"))


def told_by(reading: Reading) -> tuple[WorkspaceProfile, list[str]]:
    """Say what a batch tells of its user, and what of it was refused, in words of ours.

    No time is later than the batch came: a clock that is ahead must not win for years (PR-013).
    """
    batch, body = reading.batch, reading.body
    events = list(_events(reading))
    times = [at_ms for at_ms, _, _ in events if at_ms is not None]
    seen = Period(min(times), max(times)) if times else Period(batch.received_ms, batch.received_ms)
    warnings: list[str] = []
    attributes = attributes_of(
        body,
        [
            AttributeChange(batch.received_ms if at_ms is None else at_ms, data)
            for at_ms, kind, data in events
            if kind == "user_attribute_change"
        ],
        seen.last_ms,
        batch.batch_id,
        applies_map=batch.channel in _SERVERS,
        warn=warnings.append,
    )
    told = WorkspaceProfile(
        seen=seen,
        stored_ms=batch.received_ms,
        inputs={batch.input_key: seen},
        attributes=attributes,
        devices=_devices(reading, seen),
        opted_out=_opted_out(reading, events),
    )
    return told, warnings


def _events(reading: Reading) -> Iterator[tuple[int | None, str, Mapping[str, object]]]:
    """Give time, type and members of each event; short ones have only their times read."""
    batch, body = reading.batch, reading.body
    if reading.is_short:
        messages = body.get("msgs", [body])
        for each in messages if isinstance(messages, list) else []:
            if isinstance(each, dict):
                yield _time(each.get("ct"), batch.received_ms), "", each
        return
    events = body.get("events")
    for each in events if isinstance(events, list) else []:
        if isinstance(each, dict):
            data = each.get("data")
            members = data if isinstance(data, dict) else {}
            kind = each.get("event_type")
            at_ms = _time(members.get("timestamp_unixtime_ms"), batch.received_ms)
            yield at_ms, kind if isinstance(kind, str) else "", members


def _time(value: object, latest_ms: int) -> int | None:
    if type(value) is float and value.is_integer():
        value = int(value)
    return min(value, latest_ms) if type(value) is int and 0 <= value < _INT64 else None


def _opted_out(
    reading: Reading, events: list[tuple[int | None, str, Mapping[str, object]]]
) -> Written | None:
    last: Written | None = None
    for place, (at_ms, kind, data) in enumerate(events):
        value = data.get("is_opted_out")
        if kind == "opt_out" and type(value) is bool:
            when_ms = reading.batch.received_ms if at_ms is None else at_ms
            last = Written(when_ms, reading.batch.batch_id, place, value).later(last)
    return last


def _devices(reading: Reading, seen: Period) -> dict[str, Device]:
    """Give the one device of a batch, if it says which; a batch never replaces another's (PI-013)."""
    body, arrival = reading.body, reading.batch.batch_id
    stamp = body.get("das" if reading.is_short else "mp_deviceid")
    info = None if reading.is_short else body.get("device_info")
    identities = device_identities(info)
    if isinstance(stamp, str) and stamp.strip():
        key = _text(stamp)
    elif identities:
        kind = min(identities)
        key = _text(f"{kind.wire_name}={identities[kind]}")
    else:
        return {}
    described = {
        _text(name): _text(value) if isinstance(value, str) else value
        for name, value in (info.items() if isinstance(info, dict) else ())
        if is_scalar(value)
    }
    device = Device(
        seen,
        Written(seen.last_ms, arrival, 0, described) if described else None,
        {
            kind.wire_name: Written(seen.last_ms, arrival, 0, _text(value))
            for kind, value in identities.items()
        },
    )
    return {key: device}


def _text(value: str) -> str:
    return value if value.isascii() else value.encode("utf-8", "replace").decode()
