"""What a configuration says once it has been read and found sound; nothing here is half-configured."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from idsync.model.policy import Policy
from idsync.model.radar_limits import RadarLimits

__all__ = ["Configuration", "InputSettings", "Limits", "Tls", "WorkspaceSettings"]


@dataclass(frozen=True, slots=True)
class InputSettings:
    """One input: a key of a workspace, and what it may do (ID-001).

    Attributes:
        key: Says who calls; unique over all workspaces.
        secret: Proves it; `None` only with `key_only`, and then neither Basic nor a signature succeeds.
        platform: Where the calls come from; one of `idsync.config.keys.PLATFORMS`.
        workspace: Name of the workspace it belongs to.
        scope: Name of that workspace's scope.
        key_only: Whether the key alone is enough (ID-226).
        may_read: Whether it may call `GraphService`.
    """

    key: str
    secret: str | None = field(repr=False)
    platform: str
    workspace: str
    scope: str
    key_only: bool = False
    may_read: bool = False

    @property
    def input_id(self) -> str:
        """The name of the input in the journal; it tells nothing that must be kept secret."""
        return f"{self.workspace}/{self.key}"


@dataclass(frozen=True, slots=True)
class WorkspaceSettings:
    """One workspace: the scope it belongs to and the inputs it has (ID-002).

    Attributes:
        name: Its name, unique in the configuration.
        scope: Name of its one scope.
        aliasing: Whether alias requests are taken, where the strategy has them (ID-180).
        inputs: Its inputs, in the order of the file.
    """

    name: str
    scope: str
    aliasing: bool = True
    inputs: tuple[InputSettings, ...] = ()


@dataclass(frozen=True, slots=True)
class Limits:
    """How much is accepted and how fast; `None` is no limit (section 14 of the specification).

    The speed of a level is its number of calls in the last second. Its acceleration is how far that lies
    above its average per second over the last minute (ID-240).

    Attributes:
        date_tolerance_s: How far the date of a signed call may be off, in seconds (ID-225).
        max_age_s: For how long a client may reuse an answer, in seconds; 0: not at all (ID-175).
        requests_per_second_total: Speed of the whole service, which is one organisation's.
        requests_per_second_per_workspace: Speed of each workspace.
        requests_per_second_per_key: Speed of each input.
        requests_per_second_per_identity: Speed of each single identity, the "hot key" of ID-240.
        acceleration_per_second_total: Acceleration of the whole service, in calls per second.
        acceleration_per_second_per_workspace: Acceleration of each workspace, likewise.
        acceleration_per_second_per_key: Acceleration of each input, likewise.
        calls_under_way: Calls that may be under way at the same moment; further ones are refused.
        streams_under_way: Streams, likewise.
        calls_per_connection: Calls and streams that one gRPC connection may have under way; its client keeps
            further ones waiting.
        connections: Connections on gRPC, and as many on HTTP; further ones are refused.
    """

    date_tolerance_s: int = field(default=900, metadata={"unit": "seconds"})
    max_age_s: int = field(default=86_400, metadata={"unit": "seconds"})
    requests_per_second_total: int | None = field(default=None, metadata={"unit": "calls per second"})
    requests_per_second_per_workspace: int | None = field(default=None, metadata={"unit": "calls per second"})
    requests_per_second_per_key: int | None = field(default=None, metadata={"unit": "calls per second"})
    requests_per_second_per_identity: int | None = field(default=None, metadata={"unit": "calls per second"})
    acceleration_per_second_total: int | None = field(default=None, metadata={"unit": "calls per second"})
    acceleration_per_second_per_workspace: int | None = field(
        default=None, metadata={"unit": "calls per second"}
    )
    acceleration_per_second_per_key: int | None = field(default=None, metadata={"unit": "calls per second"})
    calls_under_way: int = field(default=2_000, metadata={"unit": "calls", "least": 1})
    streams_under_way: int = field(default=1_000, metadata={"unit": "streams", "least": 1})
    calls_per_connection: int = field(default=256, metadata={"unit": "calls", "least": 1})
    connections: int = field(default=1_000, metadata={"unit": "connections", "least": 1})


@dataclass(frozen=True, slots=True)
class Tls:
    """The certificate chain and the private key that the service shows; both PEM files that exist."""

    certificate_file: Path
    key_file: Path


@dataclass(frozen=True, slots=True)
class Configuration:
    """Everything a configuration file says.

    Attributes:
        scopes: The policy of each scope by its name, those included that a workspace has without naming one.
        workspaces: The workspaces, in the order of the file.
        operator_token: What an operator shows to be one; `None`: nobody is an operator.
        signing_key_file: The private key that signs receipts of erasures; `None`: one beside the database.
        limits: Limits on calls and dates.
        tls: `None`: connections are not encrypted by the service itself.
        radar: What the radar raises alarms about.
        calls_days: How long calls are kept to be replayed, in days; 0: they are not recorded.
        warnings: By scope what works but surprises (ID-036); a scope without warnings is not in it.
    """

    scopes: Mapping[str, Policy] = field(default_factory=dict)
    workspaces: tuple[WorkspaceSettings, ...] = ()
    operator_token: str | None = field(default=None, repr=False)
    signing_key_file: Path | None = None
    limits: Limits = field(default_factory=Limits)
    tls: Tls | None = None
    radar: RadarLimits = field(default_factory=RadarLimits)
    calls_days: int = 30
    warnings: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def inputs(self) -> Iterator[InputSettings]:
        """Go through the inputs of all workspaces."""
        for workspace in self.workspaces:
            yield from workspace.inputs
