"""What a process is told by flags and by its environment: each setting once, with its unit and its meaning.

Tests hold the options of the command line and the documentation against it. The order of precedence is flag,
environment, default.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Any, Final, cast

__all__ = [
    "CLIENT_SETTINGS",
    "REPLAY_SETTINGS",
    "SERVE_SETTINGS",
    "ClientSettings",
    "ReplaySettings",
    "ServeSettings",
    "Setting",
    "settings_of",
]


def _setting(default: Any, help_text: str, unit: str = "", *, secret: bool = False) -> Any:
    return field(default=default, repr=not secret, metadata={"help": help_text, "unit": unit})


@dataclass(frozen=True, slots=True)
class ServeSettings:
    """How `idsync serve` runs; each attribute is the flag of the same name."""

    config: str | None = _setting(None, "Configuration file; without one a workspace `demo` is set up.")
    database: str = _setting(
        "sqlite:///idsync-data/idsync.db",
        "Where the graph is kept: sqlite:///relative.db, sqlite:////absolute.db, or memory:// which forgets.",
    )
    grpc: str = _setting("127.0.0.1:50051", "Address for gRPC, HOST:PORT; port 0: the system chooses.")
    http: str = _setting("127.0.0.1:8080", "Address for HTTP, HOST:PORT; port 0: the system chooses.")
    processes: int = _setting(
        1,
        "How many processes take connections for the one that owns the graph; 1: it does so itself.",
        "processes",
    )
    cache_identities: int = _setting(
        1_000_000, "How many identities the embedded store keeps in memory.", "identities"
    )
    log_level: str = _setting("info", "Least grave lines to log: debug, info, warning or error.")


@dataclass(frozen=True, slots=True)
class ClientSettings:
    """Whom a client command calls and as whom; each attribute is the flag of the same name."""

    target: str = _setting("127.0.0.1:50051", "Address of the service, HOST:PORT.")
    environment: str = _setting("production", "Graph to work in: production or development.")
    key: str | None = _setting(None, "Key of the input to call as.")
    secret: str | None = _setting(
        None, "Secret of that input; without it the key alone is shown.", secret=True
    )
    token: str | None = _setting(None, "Token of an operator, for commands that are theirs.", secret=True)
    json: bool = _setting(default=False, help_text="Print one JSON document and nothing else.")


@dataclass(frozen=True, slots=True)
class ReplaySettings:
    """How `idsync replay` sends a file, besides what every client command is told."""

    in_flight: int = _setting(64, "How many calls are on their way at the same time.", "calls")


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting of a process.

    Attributes:
        name: Its name in Python.
        default: What holds without it.
        unit: What a number counts; empty for other kinds.
        help: What it does, in a sentence.
    """

    name: str
    default: str | int | bool | None
    unit: str
    help: str

    @property
    def flag(self) -> str:
        """Its name on the command line."""
        return "--" + self.name.replace("_", "-")

    @property
    def variable(self) -> str:
        """Its name in the environment."""
        return "IDSYNC_" + self.name.upper()


def settings_of(kind: type[ServeSettings | ClientSettings | ReplaySettings]) -> tuple[Setting, ...]:
    """List the settings that a class of them has, in its order."""
    return tuple(
        Setting(f.name, cast("str | int | bool | None", f.default), f.metadata["unit"], f.metadata["help"])
        for f in fields(kind)
    )


SERVE_SETTINGS: Final = settings_of(ServeSettings)
CLIENT_SETTINGS: Final = settings_of(ClientSettings)
REPLAY_SETTINGS: Final = settings_of(ReplaySettings)
