"""From the sections of workspaces to their scopes, inputs and keys."""

from __future__ import annotations

import string
from collections.abc import Collection
from pathlib import Path
from typing import Final

from idsync.config import keys
from idsync.config.configuration import InputSettings, WorkspaceSettings
from idsync.config.faults import show_path
from idsync.config.kinds import suggestion
from idsync.config.lines import Path as KeyPath
from idsync.config.secret_files import read_secret
from idsync.config.section import Section

__all__ = ["WorkspaceReader"]

_KEY_CHARACTERS: Final = frozenset(string.ascii_letters + string.digits + string.punctuation) - {":", "/"}
"""What a key may be made of: it ends at a colon in Basic, at a slash in the path of an alias call."""


class WorkspaceReader:
    """Reads workspace after workspace, so that a key used twice is found wherever it is."""

    def __init__(self, scopes: Collection[str], base: Path) -> None:
        """Begin.

        Args:
            scopes: Names of the scopes that the configuration describes.
            base: The folder that relative file names start from.
        """
        self._scopes = scopes
        self._base = base
        self._places: dict[str, KeyPath] = {}

    def read(self, name: str, section: Section) -> WorkspaceSettings:
        """Read the workspace `name`; without a scope it has one of its own name (ID-003)."""
        scope = section.read(keys.SCOPE)
        if scope is None:
            scope = name
        elif scope not in self._scopes:
            section.fault(f"there is no scope {scope!r}{suggestion(scope, self._scopes)}", keys.SCOPE.name)
        inputs = (
            self._read_input(child, name, scope)
            for child in section.children("inputs", keys.SECTIONS["workspaces.NAME.inputs"])
        )
        return WorkspaceSettings(name, scope, section.read(keys.ALIASING), tuple(inputs))

    def _read_input(self, section: Section, workspace: str, scope: str) -> InputSettings:
        key_only = section.read(keys.KEY_ONLY)
        secret = read_secret(section, keys.SECRET, keys.SECRET_FILE, self._base)
        if not key_only and keys.SECRET not in section and keys.SECRET_FILE not in section:
            section.fault("secret or secret_file is missing; only an input with key_only = true needs none")
        return InputSettings(
            key=self._read_key(section),
            secret=secret,
            platform=section.read(keys.PLATFORM),
            workspace=workspace,
            scope=scope,
            key_only=key_only,
            may_read=section.read(keys.MAY_READ),
        )

    def _read_key(self, section: Section) -> str:
        key = section.read(keys.KEY)
        if key is None:
            return ""
        if not _KEY_CHARACTERS.issuperset(key):
            section.fault("a key has ASCII letters, digits and signs other than : and /", keys.KEY.name)
        if key in self._places:
            section.fault(f"is the key of {show_path(self._places[key])} too", keys.KEY.name)
        self._places.setdefault(key, section.path)
        return key
