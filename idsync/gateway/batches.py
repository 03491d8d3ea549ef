"""Batches in the long form, which browsers and servers send (sections 6 and 7 of the wire)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from idsync.gateway.mpids import parse_mpid
from idsync.gateway.uploads import id_of, refused_with, text_of, time_of
from idsync.model.batch_identities import identities_of
from idsync.model.events import Batch, BatchRefusedError, Channel, Event
from idsync.model.identity import Environment, Mpid

__all__ = ["batch_of", "environment_of", "mpid_in"]

_ENVIRONMENTS: Final = {environment.wire_name: environment for environment in Environment}
_NAMES: Final[Mapping[str, str]] = {"custom_event": "event_name", "screen_view": "screen_name"}
"""The member of `data` that names an event, by its type; the others have no names."""


def batch_of(value: object, text: bytes, channel: Channel) -> Batch:
    """Read one batch.

    On the channels of servers an event without type refuses the batch, and its sender reads why; a page is
    told nothing, so that only what cannot be read is left out there.

    Args:
        value: The parsed batch.
        text: Its JSON.
        channel: How it came.

    Raises:
        BatchRefusedError: It cannot be attributed or kept; the message names the member.
    """
    with refused_with(text):
        if not isinstance(value, dict):
            raise BatchRefusedError("a batch must be a JSON object", cause="not_an_object")
        mpid = mpid_in(value.get("mpid"))
        events, dropped = _events(value.get("events"), is_strict=channel is not Channel.WEB)
        return Batch(
            channel=channel,
            environment=environment_of(value.get("environment")),
            request_id=id_of(value.get("source_request_id")),
            mpid=mpid,
            # beside an MPID they decide nothing, so that nothing can be wrong with them (ID-200)
            identities=identities_of(value, value.get("mp_deviceid")) if mpid is None else {},
            events=events,
            body=text,
            dropped_events=dropped,
        )


def environment_of(value: object) -> Environment:
    """Read the environment; where it is missing, it is production.

    Raises:
        BatchRefusedError: It is no environment.
    """
    if value is None or value == "":
        return Environment.PRODUCTION
    environment = _ENVIRONMENTS.get(value) if type(value) is str else None
    if environment is None:
        raise BatchRefusedError("environment must be production or development", cause="bad_environment")
    return environment


def mpid_in(value: object) -> Mpid | None:
    """Read the MPID of a batch; `None` if it names nobody, as 0 does (ID-007).

    Raises:
        BatchRefusedError: It is no MPID.
    """
    if value is None or value == "":
        return None
    mpid = parse_mpid(value)
    if mpid is None:
        raise BatchRefusedError("mpid must be a signed 64-bit integer", cause="bad_mpid")
    return mpid or None


def _events(listed: object, *, is_strict: bool) -> tuple[tuple[Event, ...], int]:
    if listed is None:
        return (), 0
    if not isinstance(listed, list):
        raise BatchRefusedError("events must be a list", cause="bad_events")
    events = []
    for each in listed:
        kind = text_of(each.get("event_type")) if isinstance(each, dict) else ""
        if kind:
            events.append(_event(kind, each.get("data")))
        elif is_strict:
            raise BatchRefusedError(
                'Required event field "event_type" is missing or empty.', cause="no_event_type"
            )
    return tuple(events), len(listed) - len(events)


def _event(kind: str, data: object) -> Event:
    if not isinstance(data, dict):
        return Event(kind, "", None)
    return Event(
        kind,
        text_of(data.get(_NAMES.get(kind, ""))),
        time_of(data.get("timestamp_unixtime_ms")),
        id_of(data.get("source_message_id")),
    )
