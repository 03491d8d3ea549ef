"""Cases made fit for a service that cannot be emptied: every identity value becomes one of this run alone.

A mark is put behind the last visible character of a value. What a service could wrongly disregard stays
where it is: case, accents, blanks and control characters at either end (ID-023). Values that must keep their
meaning stay as they are: blank ones (ID-024), advertising ids of zeros (ID-025), those that are too long or
no text at all. A value that would only become too long by the mark gives up its tail for a digest of itself.
"""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from idsync.model.identity import TYPES_BY_NAME
from idsync.model.values import absence, max_chars
from idsync.testing.scenario.case import Case, Step

__all__ = ["marked_case", "marked_value"]

_DIGEST_CHARS: Final = 16
_STAMP: Final = "device_application_stamp"


def marked_case(case: Case, mark: str) -> Case:
    """Mark every identity value of a case, in requests and expectations alike; raw HTTP stays as it is."""
    return replace(case, steps=tuple(_marked_step(step, mark) for step in case.steps))


def marked_value(type_name: str, value: Any, mark: str) -> Any:
    """Mark one value.

    Args:
        type_name: Its type as it is written; of an unknown one nothing is looked up, so it stays.
        value: The value, or whatever stands in its place.
        mark: Letters and digits, the same for one value and another exactly if they are of one case.
    """
    identity_type = TYPES_BY_NAME.get(type_name)
    if identity_type is None or not isinstance(value, str):
        return value
    limit = max_chars(identity_type)
    if absence(identity_type, value) is not None or len(value) > limit:
        return value
    end = len(value)
    while end and unicodedata.category(value[end - 1])[0] in "CZ":
        end -= 1
    marked = value[:end] + mark + value[end:]
    if len(marked) <= limit:
        return marked
    digest = hashlib.sha256(value.encode("utf-8", "surrogatepass")).hexdigest()[:_DIGEST_CHARS]
    return value[: limit - len(mark) - _DIGEST_CHARS] + digest + mark


def _marked_step(step: Step, mark: str) -> Step:
    return replace(
        step, request=_marked_request(step.request, mark), expect=_marked_expect(step.expect, mark)
    )


def _marked_request(request: Mapping[str, Any], mark: str) -> dict[str, Any]:
    result = dict(request)
    known, changes = request.get("known_identities"), request.get("identity_changes")
    if isinstance(known, dict):
        result["known_identities"] = _marked_table(known, mark)
    if isinstance(changes, list):
        result["identity_changes"] = [_marked_change(change, mark) for change in changes]
    if _STAMP in request:
        result[_STAMP] = marked_value(_STAMP, request[_STAMP], mark)
    return result


def _marked_change(change: Any, mark: str) -> Any:
    if not isinstance(change, dict) or not isinstance(change.get("identity_type"), str):
        return change
    sides = {name: change[name] for name in ("old_value", "new_value") if name in change}
    name = change["identity_type"]
    return change | {side: marked_value(name, value, mark) for side, value in sides.items()}


def _marked_expect(expect: Mapping[str, Any], mark: str) -> dict[str, Any]:
    result = dict(expect)
    matched = expect.get("matched_identities")
    if matched is not None:
        result["matched_identities"] = _marked_table(matched, mark)
    if "profiles" in expect:
        result["profiles"] = {
            symbol: {t: [marked_value(t, v, mark) for v in values] for t, values in record.items()}
            for symbol, record in expect["profiles"].items()
        }
    return result


def _marked_table(identities: Mapping[str, Any], mark: str) -> dict[str, Any]:
    return {name: marked_value(name, value, mark) for name, value in identities.items()}
