"""Two accounts of one profile become one: whatever the order, and however often, the result is the same."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, TypeVar

from idsync.pipeline.profile.record import Device, Period, WorkspaceProfile, Written

__all__ = ["MAX_ATTRIBUTES", "MAX_DEVICES", "merged", "reshaped"]

MAX_ATTRIBUTES: Final = 1_000
"""Attributes of one user in one workspace, tombstones included; those written last are kept."""
MAX_DEVICES: Final = 100
"""Devices of one user in one workspace; those seen last are kept."""

K = TypeVar("K")


def merged(known: WorkspaceProfile | None, told: WorkspaceProfile) -> WorkspaceProfile:
    """Put together what is known and what a batch tells.

    Below `MAX_ATTRIBUTES` and `MAX_DEVICES` the order in which batches are merged does not matter, nor does
    it if one of them is merged twice (PR-013).
    """
    if known is None:
        return _bounded(told)
    return _bounded(
        WorkspaceProfile(
            seen=known.seen.with_(told.seen),
            stored_ms=max(known.stored_ms, told.stored_ms),
            inputs=_periods(known.inputs, told.inputs),
            attributes=_latest(known.attributes, told.attributes),
            devices=_devices(known.devices, told.devices),
            opted_out=_later(known.opted_out, told.opted_out),
        )
    )


def reshaped(known: WorkspaceProfile | None, told: WorkspaceProfile) -> int:
    """Count the attributes that become lists or cease to be lists, which should not happen (PR-015)."""
    if known is None:
        return 0
    return sum(
        not (write.is_deleted or before.is_deleted)
        and isinstance(write.value, list) is not isinstance(before.value, list)
        for name, write in told.attributes.items()
        if (before := known.attributes.get(name)) is not None
    )


def _later(known: Written | None, told: Written | None) -> Written | None:
    return known if told is None else told.later(known)


def _latest(known: Mapping[str, Written], told: Mapping[str, Written]) -> dict[str, Written]:
    together = dict(known)
    for name, write in told.items():
        together[name] = write.later(together.get(name))
    return together


def _periods(known: Mapping[str, Period], told: Mapping[str, Period]) -> dict[str, Period]:
    together = dict(known)
    for key, period in told.items():
        together[key] = period.with_(together.get(key))
    return together


def _devices(known: Mapping[str, Device], told: Mapping[str, Device]) -> dict[str, Device]:
    together = dict(known)
    for key, device in told.items():
        before = together.get(key)
        together[key] = (
            device
            if before is None
            else Device(
                seen=before.seen.with_(device.seen),
                info=_later(before.info, device.info),
                identities=_latest(before.identities, device.identities),
            )
        )
    return together


def _bounded(profile: WorkspaceProfile) -> WorkspaceProfile:
    attributes, devices = profile.attributes, profile.devices
    if len(attributes) <= MAX_ATTRIBUTES and len(devices) <= MAX_DEVICES:
        return profile
    kept = sorted(attributes, key=lambda name: (attributes[name][:3], name))[-MAX_ATTRIBUTES:]
    left = sorted(devices, key=lambda key: (devices[key].seen.last_ms, key))[-MAX_DEVICES:]
    return WorkspaceProfile(
        seen=profile.seen,
        stored_ms=profile.stored_ms,
        inputs=profile.inputs,
        attributes={name: attributes[name] for name in kept},
        devices={key: devices[key] for key in left},
        opted_out=profile.opted_out,
    )
