"""A workspace's part of a profile as the bytes that are stored, and back."""

from __future__ import annotations

from typing import Any, Final

import orjson

from idsync.pipeline.profile.record import Device, Period, WorkspaceProfile, Written

__all__ = ["read_document", "write_document"]

_VERSION: Final = 1


def write_document(profile: WorkspaceProfile) -> bytes:
    """Give the bytes; equal profiles with equal orders of names have equal ones."""
    return orjson.dumps(
        {
            "version": _VERSION,
            "seen": [*profile.seen],
            "stored": profile.stored_ms,
            "inputs": {key: [*period] for key, period in profile.inputs.items()},
            "attributes": _writes(profile.attributes),
            "devices": {
                key: {
                    "seen": [*device.seen],
                    "info": _write(device.info),
                    "identities": _writes(device.identities),
                }
                for key, device in profile.devices.items()
            },
            "opted_out": _write(profile.opted_out),
        }
    )


def read_document(document: bytes) -> WorkspaceProfile:
    """Read what `write_document` gave.

    Raises:
        ValueError: It is no such document, or one of a later version.
    """
    members = orjson.loads(document)
    if members["version"] != _VERSION:
        raise ValueError("the profile was written by another version of idsync")
    return WorkspaceProfile(
        seen=Period(*members["seen"]),
        stored_ms=members["stored"],
        inputs={key: Period(*period) for key, period in members["inputs"].items()},
        attributes=_written(members["attributes"]),
        devices={
            key: Device(Period(*device["seen"]), _one(device["info"]), _written(device["identities"]))
            for key, device in members["devices"].items()
        },
        opted_out=_one(members["opted_out"]),
    )


def _write(written: Written | None) -> list[Any] | None:
    return None if written is None else [*written]


def _writes(written: dict[str, Written]) -> dict[str, list[Any]]:
    return {name: [*write] for name, write in written.items()}


def _one(stored: list[Any] | None) -> Written | None:
    return None if stored is None else Written(*stored)


def _written(stored: dict[str, list[Any]]) -> dict[str, Written]:
    return {name: Written(*write) for name, write in stored.items()}
