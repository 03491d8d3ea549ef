"""The workspace of a service that was started without a configuration: made once, and kept."""

from __future__ import annotations

import json
import os
import secrets
import sys
from pathlib import Path
from typing import Final

from idsync.config.configuration import Configuration
from idsync.config.demo import demo_configuration
from idsync.model.errors import ConfigurationError

__all__ = ["demo_workspace"]

_FILE: Final = "demo-credentials.json"
_NAMES: Final = ("key", "secret", "token")


def demo_workspace(folder: Path) -> Configuration:
    """Give the configuration of the demo workspace whose credentials lie in a folder.

    Credentials that do not exist yet are made, kept there for the owner's eyes only, and shown on standard
    error, this once.

    Raises:
        ConfigurationError: The folder cannot be written, or the kept credentials cannot be read.
    """
    path = folder / _FILE
    try:
        if path.exists():
            kept = json.loads(path.read_text())
            return demo_configuration(*(str(kept[name]) for name in _NAMES))
        made = ("demo-" + secrets.token_hex(4), secrets.token_urlsafe(24), secrets.token_urlsafe(24))
        folder.mkdir(parents=True, exist_ok=True)
        beside = path.with_suffix(f".{os.getpid()}")
        descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as file:
            json.dump(dict(zip(_NAMES, made, strict=True)), file)
        try:
            # whole or not at all, and never over those that somebody else has made meanwhile
            os.link(beside, path)
        finally:
            beside.unlink()
    except (OSError, ValueError, KeyError, TypeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "damaged file"
        raise ConfigurationError(f"the demo credentials cannot be kept in {path}: {reason}") from error
    key, secret, token = made
    sys.stderr.write(
        f"A workspace `demo` was made; this is shown once, and kept in {path}:\n"
        f"  key    {key}\n  secret {secret}\n  operator token {token}\n"
    )
    sys.stderr.flush()
    return demo_configuration(*made)
