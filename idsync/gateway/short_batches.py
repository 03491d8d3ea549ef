"""Batches with short keys: those of devices, and the single events of old pages (http-wire 6 and 8)."""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256
from typing import Final

from idsync.gateway.batches import mpid_in
from idsync.gateway.uploads import id_of, refused_with, text_of, time_of
from idsync.model.batch_identities import numbered_identities
from idsync.model.events import Batch, BatchRefusedError, Channel, Event
from idsync.model.identity import Environment

__all__ = ["native_batch", "page_event"]

_NATIVE_TYPES: Final[Mapping[str, str]] = {
    "ss": "session_start",
    "se": "session_end",
    "e": "custom_event",
    "v": "screen_view",
    "ast": "application_state_transition",
    "cm": "commerce_event",
    "o": "opt_out",
    "uac": "user_attribute_change",
    "uic": "user_identity_change",
    "x": "crash_report",
    "fr": "first_run",
    "b": "breadcrumb",
    "pm": "push_message",
    "npe": "network_performance",
    "pr": "profile",
}
_PAGE_TYPES: Final[Mapping[int, str]] = {
    1: "session_start",
    2: "session_end",
    3: "screen_view",
    4: "custom_event",
    5: "crash_report",
    6: "opt_out",
    10: "application_state_transition",
    14: "profile",
    16: "commerce_event",
    17: "user_attribute_change",
    18: "user_identity_change",
    20: "media",
}
_NAMED: Final = frozenset({"custom_event", "screen_view", "breadcrumb"})


def native_batch(value: object, text: bytes) -> Batch:
    """Read the upload of a device.

    Args:
        value: The parsed body.
        text: Its JSON.

    Raises:
        BatchRefusedError: It cannot be attributed or kept.
    """
    with refused_with(text):
        body = _object(value)
        mpid = mpid_in(body.get("mpid"))
        messages = body.get("msgs")
        listed = messages if isinstance(messages, list) else []
        events = tuple(_native_event(each) for each in listed if _has_type(each))
        return Batch(
            channel=Channel.NATIVE,
            environment=_environment(body),
            request_id=id_of(body.get("id")),
            mpid=mpid,
            identities=numbered_identities(body.get("ui"), body.get("das")) if mpid is None else {},
            events=events,
            body=text,
            dropped_events=len(listed) - len(events),
        )


def page_event(value: object, text: bytes) -> Batch:
    """Read the single event of a page that does not send batches.

    It has no id, but the millisecond it happened at: the same bytes again are the same event again.

    Args:
        value: The parsed body.
        text: Its JSON.

    Raises:
        BatchRefusedError: It cannot be attributed or kept.
    """
    with refused_with(text):
        body = _object(value)
        mpid = mpid_in(body.get("mpid"))
        happened_ms = time_of(body.get("ct"))
        number = body.get("dt")
        if type(number) is not int:
            raise BatchRefusedError("dt must be the number of a type", cause="no_event_type")
        kind = _PAGE_TYPES.get(number, f"type_{number}"[:64])
        return Batch(
            channel=Channel.WEB,
            environment=_environment(body),
            request_id="" if happened_ms is None else f"sha256:{sha256(text).hexdigest()}",
            mpid=mpid,
            identities=numbered_identities(body.get("ui"), body.get("das")) if mpid is None else {},
            events=(Event(kind, _name(kind, body), happened_ms),),
            body=text,
        )


def _object(value: object) -> Mapping[str, object]:
    if not isinstance(value, dict):
        raise BatchRefusedError("an upload must be a JSON object", cause="not_an_object")
    return value


def _environment(body: Mapping[str, object]) -> Environment:
    return Environment.DEVELOPMENT if body.get("dbg") in (True, 1) else Environment.PRODUCTION


def _has_type(message: object) -> bool:
    return isinstance(message, dict) and bool(text_of(message.get("dt")))


def _native_event(message: Mapping[str, object]) -> Event:
    short = text_of(message.get("dt"))
    kind = _NATIVE_TYPES.get(short, short)
    return Event(kind, _name(kind, message), time_of(message.get("ct")), id_of(message.get("id")))


def _name(kind: str, message: Mapping[str, object]) -> str:
    name = message.get("n")
    if kind not in _NAMED or name is None:
        return ""
    return text_of(str(name) if type(name) is int else name)
