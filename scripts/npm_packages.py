"""Puts the published npm packages of this checkout where they are used: exactly those of a lock file.

    python -m scripts.npm_packages lock       # after a change in a package.json
    python -m scripts.npm_packages install    # what tests and demo shop else do by themselves

The lock files name no host, and neither that of a registry nor that of somebody who wants to be funded.
"""

from __future__ import annotations

import argparse
import fcntl
import hashlib
import json
import shutil
import subprocess
from pathlib import Path
from typing import Final

__all__ = ["FOLDERS", "MissingError", "installed", "lock"]

_ROOT: Final = Path(__file__).resolve().parent.parent
FOLDERS: Final = (
    _ROOT / "scripts" / "demo_shop",
    _ROOT / "tests" / "clients" / "node",
    _ROOT / "tests" / "clients" / "older_web",
)
"""Where a `package.json` stands."""

_TIMEOUT_S: Final = 300
_STAMP: Final = "installed-from"


class MissingError(Exception):
    """The packages cannot be installed here; says why."""


def installed(folder: Path) -> Path:
    """Install the packages of a folder unless they are there already.

    Processes that want the same at the same time wait for the first of them.

    Args:
        folder: Has `package.json` and `package-lock.json`.

    Returns:
        Its `node_modules`.

    Raises:
        MissingError: There is no npm, or it failed.
    """
    modules = folder / "node_modules"
    stamp = modules / _STAMP
    wanted = hashlib.sha256((folder / "package-lock.json").read_bytes()).hexdigest()
    with (folder / ".npm-lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        if not stamp.exists() or stamp.read_text() != wanted:
            # no script of a package runs: it could fetch or change anything
            _npm(folder, "ci", "--ignore-scripts")
            stamp.write_text(wanted)
    return modules


def lock(folder: Path) -> None:
    """Write `package-lock.json` anew for what `package.json` wants.

    Raises:
        MissingError: There is no npm, or it failed.
    """
    _npm(folder, "install", "--package-lock-only", "--ignore-scripts")
    path = folder / "package-lock.json"
    document = json.loads(path.read_text())
    for package in document["packages"].values():
        package.pop("funding", None)
    path.write_text(json.dumps(document, indent=2) + "\n")


def _npm(folder: Path, *arguments: str) -> None:
    npm = shutil.which("npm")
    if npm is None:
        raise MissingError("there is no npm (Debian packages nodejs and npm)")
    command = [npm, "--no-fund", "--no-audit", "--no-update-notifier", *arguments]
    try:
        subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True, timeout=_TIMEOUT_S)
    except subprocess.TimeoutExpired as error:
        raise MissingError(f"npm {arguments[0]} took longer than {_TIMEOUT_S} s") from error
    except subprocess.CalledProcessError as error:
        last = error.stderr.strip().splitlines()[-5:]
        raise MissingError(f"npm {arguments[0]} failed: {' '.join(last)}") from error


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Install or pin the npm packages of this checkout.")
    parser.add_argument("what", choices=["install", "lock"])
    what = parser.parse_args().what
    for each in FOLDERS:
        if what == "lock":
            lock(each)
        else:
            installed(each)
