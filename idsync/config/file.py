"""Reads a configuration file: all of it is sound, or all of its faults are told."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from idsync.config import keys
from idsync.config.configuration import Configuration, Limits, Tls
from idsync.config.faults import Faults
from idsync.config.guards import read_guards
from idsync.config.presets import preset_policy
from idsync.config.scopes import ReadScope, read_scope
from idsync.config.secret_files import read_path, read_secret
from idsync.config.section import Section
from idsync.config.workspaces import WorkspaceReader
from idsync.model.errors import ConfigurationError
from idsync.model.radar_limits import RadarLimits

__all__ = ["load_configuration", "parse_configuration", "parse_toml"]

_TOP: Final = tuple(dict.fromkeys(name.partition(".")[0] for name in keys.SECTIONS))
_PLACE: Final = re.compile(r" \(at (?:line (?P<line>\d+), column (?P<column>\d+)|end of document)\)$")


def load_configuration(path: str | Path) -> Configuration:
    """Read the configuration in a file.

    Raises:
        ConfigurationError: The file cannot be read, or what it says is refused; every fault is named.
    """
    path = Path(path)
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be read: {error.strerror}") from error
    try:
        return parse_configuration(content.decode("utf-8-sig"), path.parent)
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise ConfigurationError(f"{path} is refused", [f"line {line}: is not UTF-8"]) from error
    except ConfigurationError as error:
        raise ConfigurationError(f"{path} is refused: {error.message}", error.faults) from error


def parse_configuration(text: str, base: Path) -> Configuration:
    """Read a configuration.

    Args:
        text: The TOML.
        base: The folder that relative file names in it start from.

    Raises:
        ConfigurationError: It is no TOML, or what it says is refused (ID-036); every fault is named with
            its line.
    """
    faults = Faults(text)
    root = Section(parse_toml(text), (), faults, tables=_TOP)
    retention = root.child("retention", keys.SECTIONS["retention"])
    inactive_days = keys.INACTIVE_DAYS.default if retention is None else retention.read(keys.INACTIVE_DAYS)
    calls_days = keys.CALLS_DAYS.default if retention is None else retention.read(keys.CALLS_DAYS)
    scopes: dict[str, ReadScope | None] = {
        name: read_scope(section, inactive_days)
        for name, section in root.named_children("scopes", keys.SECTIONS["scopes.NAME"])
    }
    reader = WorkspaceReader(tuple(scopes), base)
    workspaces = tuple(
        reader.read(name, section)
        for name, section in root.named_children("workspaces", keys.SECTIONS["workspaces.NAME"], ["inputs"])
    )
    for workspace in workspaces:
        scopes.setdefault(workspace.scope, ReadScope(preset_policy(inactive_days)))
    guarded = read_guards(root, {name: scope for name, scope in scopes.items() if scope}, tuple(scopes))
    operator_token = _read_operator(root, base)
    privacy = root.child("privacy", keys.SECTIONS["privacy"])
    signing_key_file = None if privacy is None else read_path(privacy, keys.SIGNING_KEY_FILE, base)
    radar = _read_radar(root)
    tls = _read_tls(root, base)
    limits = _read_limits(root)
    if faults:
        raise faults.error()
    return Configuration(
        scopes={name: scope.policy for name, scope in guarded.items()},
        workspaces=workspaces,
        operator_token=operator_token,
        signing_key_file=signing_key_file,
        limits=limits,
        tls=tls,
        radar=radar,
        calls_days=calls_days,
        warnings={name: scope.warnings for name, scope in guarded.items() if scope.warnings},
    )


def parse_toml(text: str) -> Mapping[str, object]:
    """Read a text as TOML.

    Raises:
        ConfigurationError: It is none, or none that can be read.
    """
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        reason = str(error)
        place = _PLACE.search(reason)
        line, column = place.group("line", "column") if place else (None, None)
        where = f"line {line or len(text.splitlines()) or 1}"
        what = _PLACE.sub("", reason) + (f" (column {column})" if column else "")
        raise ConfigurationError("it is no TOML", [f"{where}: no TOML: {what}"]) from error
    except (RecursionError, ValueError) as error:
        # What the reader itself cannot hold: thousands of nested lists, a number of thousands of digits.
        raise ConfigurationError(
            "it is no TOML that can be read: nested too deeply or a number too long"
        ) from error


def _read_operator(root: Section, base: Path) -> str | None:
    section = root.child("operator", keys.SECTIONS["operator"])
    if section is None:
        return None
    token = read_secret(section, keys.TOKEN, keys.TOKEN_FILE, base)
    if keys.TOKEN not in section and keys.TOKEN_FILE not in section:
        section.fault("token or token_file is missing")
    if token is not None and not (token.isascii() and token.isprintable() and token == token.strip()):
        name = keys.TOKEN.name if keys.TOKEN in section else keys.TOKEN_FILE.name
        section.fault("a token travels in a header: printable ASCII, no blank at either end", name)
    return token


def _read_tls(root: Section, base: Path) -> Tls | None:
    section = root.child("tls", keys.SECTIONS["tls"])
    if section is None:
        return None
    certificate = read_path(section, keys.CERTIFICATE_FILE, base)
    key = read_path(section, keys.KEY_FILE, base)
    return Tls(certificate, key) if certificate and key else None


def _read_radar(root: Section) -> RadarLimits:
    section = root.child("radar", keys.SECTIONS["radar"])
    if section is None:
        return RadarLimits()
    by_type = (keys.MAX_KNOWN, keys.MAX_RECORDS, keys.MAX_GROWTH_PER_DAY)
    limits = [section.read(key) for key in by_type]
    for key, values in zip(by_type, limits, strict=True):
        for identity_type, most in values.items():
            if most < 1:
                section.fault(f"must be 1 or more, not {most}", key.name, identity_type.wire_name)
    known, records, growth = limits
    return RadarLimits(known, records, growth, section.read(keys.QUARANTINE))


def _read_limits(root: Section) -> Limits:
    section = root.child("limits", keys.SECTIONS["limits"])
    if section is None:
        return Limits()
    return Limits(**{key.name: section.read(key) for key in keys.LIMITS})
