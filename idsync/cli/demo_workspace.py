"""The workspace of a service that was started without a configuration: made once, and kept."""

from __future__ import annotations

import json
import os
import secrets
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from idsync.config.configuration import Configuration
from idsync.config.demo import demo_configuration
from idsync.model.errors import ConfigurationError

__all__ = ["DemoWorkspace", "demo_workspace"]

_FILE: Final = "demo-credentials.json"
_NAMES: Final = ("key", "secret", "token")


@dataclass(frozen=True, slots=True)
class DemoWorkspace:
    """A demo workspace, whose credentials may be new.

    Attributes:
        path: Where they are kept, or will be.
        credentials: Key, secret and operator's token.
        is_new: Whether they were made just now.
    """

    path: Path
    credentials: tuple[str, str, str]
    is_new: bool

    @property
    def configuration(self) -> Configuration:
        """What a configuration file would say."""
        return demo_configuration(*self.credentials)

    def keep(self) -> None:
        """Keep new credentials for the owner's eyes only, and show them on standard error, this once.

        To be called when the service has started: one that cannot leaves nothing behind.

        Raises:
            ConfigurationError: The folder cannot be written, or somebody else has made some meanwhile.
        """
        if not self.is_new:
            return
        try:
            self._write()
        except OSError as error:
            raise _not_kept(self.path, error.strerror) from error
        key, secret, token = self.credentials
        sys.stderr.write(
            f"A workspace `demo` was made; this is shown once, and kept in {self.path}:\n"
            f"  key    {key}\n  secret {secret}\n  operator token {token}\n"
        )
        sys.stderr.flush()

    def _write(self) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        beside = self.path.with_suffix(f".{os.getpid()}")
        descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as file:
            json.dump(dict(zip(_NAMES, self.credentials, strict=True)), file)
        try:
            # whole or not at all, and never over those that somebody else has made meanwhile
            os.link(beside, self.path)
        finally:
            beside.unlink()


def demo_workspace(database: str) -> DemoWorkspace:
    """Give the demo workspace whose credentials lie beside a database; new ones are not kept yet.

    Args:
        database: Its URL; beside one that is no file means in ./idsync-data.

    Raises:
        ConfigurationError: The kept credentials cannot be read.
    """
    file = database.removeprefix("sqlite:///")
    path = (Path(file).parent if file != database else Path("idsync-data")) / _FILE
    try:
        if path.exists():
            kept = json.loads(path.read_text())
            key, secret, token = (str(kept[name]) for name in _NAMES)
            return DemoWorkspace(path, (key, secret, token), is_new=False)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise _not_kept(path, error.strerror if isinstance(error, OSError) else "damaged file") from error
    made = ("demo-" + secrets.token_hex(4), secrets.token_urlsafe(24), secrets.token_urlsafe(24))
    return DemoWorkspace(path, made, is_new=True)


def _not_kept(path: Path, reason: str | None) -> ConfigurationError:
    return ConfigurationError(f"the demo credentials cannot be kept in {path}: {reason}")
