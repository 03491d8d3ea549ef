"""Versions of settings, and values that a repair is about, as messages."""

from __future__ import annotations

from collections.abc import Iterable

from idsync.model.settings_version import SettingsVersion, VersionState
from idsync.server.switch.repairs import Offender
from idsync.v1 import identity_pb2
from idsync.v1 import staging_pb2 as pb

__all__ = ["offenders_to_wire", "version_to_wire"]


def version_to_wire(
    version: SettingsVersion, state: VersionState, shared_values: int = 0
) -> pb.SettingsVersion:
    """Show a version."""
    message = pb.SettingsVersion(
        scope=version.scope,
        version=version.number,
        state=state,  # type: ignore[arg-type]  # the numbers are the wire's
        author=version.author,
        note=version.note,
        settings=version.settings,
        repair=version.repair,
        withdrawn_by=version.withdrawn_by,
        withdraw_note=version.withdrawn_note,
        shared_values=shared_values,
    )
    message.version_time.FromMilliseconds(version.at_ms)
    message.effective_time.FromMilliseconds(version.effective_ms)
    if version.repaired_ms is not None:
        message.repair_time.FromMilliseconds(version.repaired_ms)
    if version.withdrawn_ms is not None:
        message.withdraw_time.FromMilliseconds(version.withdrawn_ms)
    return message


def offenders_to_wire(offenders: Iterable[Offender]) -> list[pb.SharedValue]:
    """Show who would keep each value, and who would lose it."""
    return [
        pb.SharedValue(
            environment=offender.graph.environment,  # type: ignore[arg-type]
            identity=identity_pb2.Identity(
                type=offender.shared.identity.type,  # type: ignore[arg-type]
                value=offender.shared.identity.value,
            ),
            kept_by=offender.shared.mpids[0],
            taken_off=offender.shared.mpids[1:],
            holders=offender.shared.holders,
        )
        for offender in offenders
    ]
