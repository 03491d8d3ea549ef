"""What is wrong with the parts of a request, in the order in which it is reported (ID-233)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Final, Protocol

from idsync.model.errors import InvalidRequestError
from idsync.model.identity import Environment, GraphKey, Identity, IdentityType
from idsync.model.values import absence, max_chars
from idsync.server.admission.caller import Caller

__all__ = [
    "MAX_CALLS",
    "MAX_CHANGES",
    "MAX_ID_CHARS",
    "MAX_REQUEST_BYTES",
    "TYPES",
    "TYPE_LIMITS",
    "WireIdentity",
    "bound_of",
    "check_ids",
    "environment_of",
    "graph_from_wire",
    "identity_faults",
    "identity_from_wire",
    "refuse",
]

MAX_REQUEST_BYTES: Final = 256 * 1024
"""Size of one request (ID-242); a batch may have what the transport takes."""
MAX_CHANGES: Final = 100
"""Changes in one modify (ID-242)."""
MAX_CALLS: Final = 1_000
"""Calls in one batch."""
MAX_ID_CHARS: Final = 256
"""Characters of a request id or idempotency key: it is kept in the journal."""

TYPES: Final[tuple[IdentityType, ...]] = (IdentityType.OTHER, *sorted(IdentityType))
"""Types by wire number, which wire and model count alike, without gaps; what stands at 0 is no type."""
TYPE_LIMITS: Final[tuple[int, ...]] = (0, *(max_chars(t) for t in sorted(IdentityType)))
"""Characters a value may have, by the wire number of its type (ID-241)."""
_MAX_FAULTS: Final = 10
"""Faults that are named: they travel in trailers, of which clients take 8 KB, and looking for more costs."""
_KNOWN_TYPES: Final = range(1, len(TYPES))
_ENVIRONMENTS: Final = range(1, len(Environment) + 1)


class WireIdentity(Protocol):
    """An `Identity` message, as far as it is read here."""

    @property
    def type(self) -> int:
        """Number of the type, which may be any."""
        ...

    @property
    def value(self) -> str:
        """The value."""
        ...


def refuse(faults: Iterable[tuple[str, str]]) -> InvalidRequestError:
    """Build the error for the faults of a kind, each a field and what is wrong with it."""
    known = list(islice(faults, _MAX_FAULTS + 1))
    shown = known[:_MAX_FAULTS]
    message = "; ".join(f"{field}: {fault}" for field, fault in shown)
    if len(known) > len(shown):
        message += "; and more"
    return InvalidRequestError(message, fields=[field for field, _ in shown])


def graph_from_wire(number: int, caller: Caller) -> GraphKey:
    """Find the caller's graph of an environment.

    Raises:
        InvalidRequestError: Unspecified or unknown (ID-004, ID-233).
    """
    graph = caller.graphs[number] if number in _ENVIRONMENTS else None
    return graph if graph is not None else GraphKey(caller.scope, environment_of(number))


def environment_of(number: int) -> Environment:
    """Read the environment of a request.

    Raises:
        InvalidRequestError: Unspecified or unknown (ID-004, ID-233).
    """
    if number not in _ENVIRONMENTS:
        raise refuse([("environment", "must be production or development")])
    return Environment(number)


def check_ids(request_id: str, idempotency_key: str) -> None:
    """Bound what the journal keeps of a caller's own identifiers.

    Raises:
        InvalidRequestError: One of them is too long.
    """
    if len(request_id) > MAX_ID_CHARS or len(idempotency_key) > MAX_ID_CHARS:
        named = (("request_id", request_id), ("idempotency_key", idempotency_key))
        raise refuse(
            (field, f"has more than {MAX_ID_CHARS} characters")
            for field, value in named
            if len(value) > MAX_ID_CHARS
        )


def identity_faults(type_field: str, value_field: str, number: int, value: str) -> Iterator[tuple[str, str]]:
    """Name what is wrong with one type and value: the type's number, the value's length (ID-020, ID-241)."""
    if number not in _KNOWN_TYPES:
        yield type_field, "is unspecified" if number == 0 else "is no known type"
    elif len(value) > TYPE_LIMITS[number]:
        yield value_field, f"has more than {TYPE_LIMITS[number]} characters"


def bound_of(field: str, number: int, *, default: int, most: int) -> int:
    """Read how much is asked for: 0 means `default`, more than `most` means `most`.

    Raises:
        InvalidRequestError: It is negative.
    """
    if number < 0:
        raise refuse([(field, "is negative")])
    return min(number or default, most)


def identity_from_wire(field: str, item: WireIdentity) -> Identity:
    """Read the one identity that an inspection is about.

    Raises:
        InvalidRequestError: Its type is unknown, its value too long, or it counts as no value at all.
    """
    faults = list(identity_faults(f"{field}.type", f"{field}.value", item.type, item.value))
    if faults:
        raise refuse(faults)
    kind = TYPES[item.type]
    if absence(kind, item.value) is not None:
        raise refuse([(f"{field}.value", "identifies nobody")])
    return Identity(kind, item.value)
