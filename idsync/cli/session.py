"""One call to the service from the command line: connect, call, print, or say what went wrong."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, NoReturn

import typer

if TYPE_CHECKING:
    from google.protobuf.message import Message
    from google.protobuf.timestamp_pb2 import Timestamp

    from idsync.client import Client
    from idsync.v1.identity_pb2 import Environment, Identity

__all__ = [
    "REFUSED",
    "connected",
    "environment_of",
    "identity_of",
    "mpid_of",
    "pairs_of",
    "print_answer",
    "refuse",
    "time_of",
]

REFUSED = 1
_TIME = "2026-05-03T12:00Z"
_LOCAL_TIME = "2026-05-03T14:00+02:00"


def refuse(message: str) -> NoReturn:
    """End the command because the service, or something else outside, said no."""
    typer.echo(message, err=True)
    raise typer.Exit(REFUSED)


@contextmanager
def connected(target: str, key: str | None, secret: str | None, token: str | None) -> Iterator[Client]:
    """Give a client; whatever the service refuses ends the command with exit code 1."""
    from idsync.cli.log_output import log_to_stderr
    from idsync.client import Client
    from idsync.client.retry_policy import BRIEFLY
    from idsync.model.errors import IdsyncError

    log_to_stderr("error")
    if token is not None and key is not None:
        # who may do more is asked for by the commands that need it
        key = secret = None
    try:
        with Client.connect(target, key=key, secret=secret, token=token, retry=BRIEFLY) as client:
            yield client
    except IdsyncError as error:
        refuse(f"{error.reason}: {error.message}")


def environment_of(name: str) -> Environment.ValueType:
    """Read the name of an environment; a wrong one is wrong usage."""
    from idsync.model.identity import Environment as Model
    from idsync.v1.identity_pb2 import Environment

    for environment in Model:
        if environment.wire_name == name.lower():
            return Environment.ValueType(environment)
    raise typer.BadParameter("must be production or development", param_hint="--environment")


def pairs_of(texts: Iterable[str]) -> dict[str, str]:
    """Read TYPE=VALUE arguments; a type given twice is wrong usage."""
    from idsync.model.identity import TYPES_BY_NAME

    pairs: dict[str, str] = {}
    for text in texts:
        name, separator, value = text.partition("=")
        if not separator or name not in TYPES_BY_NAME:
            known = ", ".join(sorted(TYPES_BY_NAME))
            raise typer.BadParameter(f"must be TYPE=VALUE with a type of: {known}", param_hint="TYPE=VALUE")
        if name in pairs:
            raise typer.BadParameter(f"{name} is given twice", param_hint="TYPE=VALUE")
        try:
            value.encode()
        except UnicodeEncodeError:
            raise typer.BadParameter(f"{name} is no UTF-8", param_hint="TYPE=VALUE") from None
        pairs[name] = value
    return pairs


def identity_of(text: str) -> Identity:
    """Read one TYPE=VALUE argument."""
    from idsync.client import identities

    return identities(pairs_of([text]))[0]


def mpid_of(text: str) -> int:
    """Read an MPID where TYPE=VALUE could stand as well."""
    from idsync.cli.options import MAX_MPID, MIN_MPID

    try:
        mpid = int(text)
    except ValueError:
        raise typer.BadParameter("must be TYPE=VALUE or an MPID") from None
    if not MIN_MPID <= mpid <= MAX_MPID:
        raise typer.BadParameter("an MPID has 64 bits")
    return mpid


def time_of(text: str | None) -> Timestamp | None:
    """Read a time with its zone; one without is wrong usage, since it may mean any of two dozen hours."""
    from datetime import UTC, datetime

    from google.protobuf.timestamp_pb2 import Timestamp

    if text is None:
        return None
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(f"must be a time like {_TIME}", param_hint="--at") from None
    if time.tzinfo is None:
        raise typer.BadParameter(f"must say its zone, like {_TIME} or {_LOCAL_TIME}", param_hint="--at")
    stamp = Timestamp()
    try:
        stamp.FromDatetime(time.astimezone(UTC))
    except (OverflowError, ValueError):
        raise typer.BadParameter("must be in the years 1 to 9999, UTC", param_hint="--at") from None
    return stamp


def print_answer(answer: Message, lines: Callable[[], Iterable[str]], *, as_json: bool) -> None:
    """Print an answer as one JSON document, or as lines for people."""
    if as_json:
        from google.protobuf.json_format import MessageToJson

        typer.echo(
            MessageToJson(
                answer,
                preserving_proto_field_name=True,
                always_print_fields_with_no_presence=True,
                ensure_ascii=False,
            )
        )
    else:
        for line in lines():
            typer.echo(line)
