"""Scenario files written by tests."""

from __future__ import annotations

import json
from copy import deepcopy
from pathlib import Path
from typing import Any, Final

from idsync.testing.scenario.case import AnyCase, Case
from idsync.testing.scenario.reading import load_cases

STORY: Final[dict[str, Any]] = {
    "id": "X-1",
    "title": "a login on a known device",
    "strategy": "profile_link",
    "rules": ["ID-121"],
    "config": {
        "identity_priority": ["customerid", "email", "ios_idfv"],
        "login_ids": ["customerid", "email"],
        "unique_ids": ["customerid", "email"],
        "immutable_ids": [],
    },
    "steps": [
        {
            "call": "identify",
            "request": {"known_identities": {"ios_idfv": "d1"}},
            "expect": {"mpid": "$A", "matched_identities": {}, "is_logged_in": False, "is_ephemeral": True},
        },
        {
            "call": "login",
            "request": {"known_identities": {"customerid": "c1", "ios_idfv": "d1"}, "previous_mpid": "$A"},
            "expect": {
                "mpid": "$B",
                "source_mpid": "$A",
                "profiles": {"$A": {"ios_idfv": ["d1"]}, "$B": {"customerid": ["c1"], "ios_idfv": ["d1"]}},
            },
        },
        {
            "call": "modify",
            "request": {
                "mpid": "$B",
                "identity_changes": [
                    {"identity_type": "email", "old_value": None, "new_value": "a@example.com"}
                ],
            },
            "expect": {"change_results": [{"identity_type": "email", "modified_mpid": "$B"}]},
        },
        {
            "call": "alias",
            "request": {"source_mpid": "$A", "destination_mpid": "$B", "start": "now-1d"},
            "expect": {"http_status": 202, "outcome": "applied"},
        },
        {
            "call": "login",
            "request": {"known_identities": {"ios_idfv": "d1"}},
            "expect": {"error": {"http_status": 400, "code": "LOOKUP_ERROR"}},
        },
    ],
}
"""Every kind of expectation once; it holds."""


def story(*changes: tuple[tuple[str | int, ...], Any]) -> dict[str, Any]:
    """Copy the story with other values at the given paths; `...` removes what is there."""
    copy = deepcopy(STORY)
    for path, value in changes:
        place: Any = copy
        for part in path[:-1]:
            place = place[part]
        if value is ...:
            del place[path[-1]]
        else:
            place[path[-1]] = value
    return copy


def written(folder: Path, *cases: Any) -> Path:
    """Write a scenario file."""
    file = folder / "stories.json"
    file.write_text(json.dumps(list(cases)))
    return file


def read(folder: Path, case: dict[str, Any]) -> Case:
    """Read one case back."""
    [found] = read_all(folder, case)
    assert isinstance(found, Case)
    return found


def read_all(folder: Path, *cases: dict[str, Any]) -> list[AnyCase]:
    """Read cases back."""
    return load_cases([written(folder, *cases)])
