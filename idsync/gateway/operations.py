"""What the OpenAPI document says of a line of the table, besides its path."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import Final

__all__ = ["ERRORS_OF", "Audience", "Operation"]


class Audience(Enum):
    """Who calls; the value is the heading the document puts it under."""

    APPS = "identity"
    UPLOADS = "events"
    SERVERS = "server events"
    SETTINGS = "client settings"
    OPERATORS = "operators"
    TOOLS = "probes"


@dataclass(frozen=True, slots=True)
class Operation:
    """One line of the document.

    Attributes:
        name: Unique, for generated clients.
        status: Of the answer when all is well.
        takes: The body it reads, by its name in `schemas`; empty: none.
        gives: The body it answers with; empty: none.
        query: Parameters of the query, with what they say.
        may_be: What else it answers, by status, besides what every call of its audience may.
        has_key_in_path: Whether the path says who calls, which may be enough.
    """

    name: str
    summary: str
    audience: Audience
    status: int = 200
    takes: str = ""
    gives: str = ""
    query: dict[str, str] = field(default_factory=dict)
    may_be: dict[int, str] = field(default_factory=dict)
    has_key_in_path: bool = False


_WRONG: Final = {400: "The request is at fault.", 401: "Credentials are missing or wrong."}
_LATER: Final = {
    429: "Over a limit; Retry-After says for how many seconds.",
    503: "Not now; Retry-After says for how many seconds.",
}

ERRORS_OF: Final = {
    Audience.APPS: _WRONG | {403: "Not for this caller."} | _LATER,
    Audience.UPLOADS: {400: "The body is no JSON.", 401: "Credentials are missing or wrong."} | _LATER,
    Audience.SERVERS: _WRONG | {403: "The credentials are wrong."} | _LATER,
    Audience.SETTINGS: _WRONG | {404: "There is none for this key."} | _LATER,
    Audience.OPERATORS: _WRONG | {403: "This input may not read.", 404: "There is no such thing."} | _LATER,
    Audience.TOOLS: {503: "Not now."},
}
"""What every call of an audience may be answered."""
