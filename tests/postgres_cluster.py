"""A PostgreSQL for the tests: the one of the environment, else a cluster of our own that all workers share.

Run as a program it is the keeper of that cluster: it ends it when the last worker is gone, however it went.
"""

from __future__ import annotations

import fcntl
import os
import pwd
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

__all__ = ["Missing", "server_programs", "server_user", "shared_cluster"]

_START_S: Final = 60
_SETTINGS: Final = {
    "listen_addresses": "127.0.0.1",
    "fsync": "off",
    "synchronous_commit": "on",
    "shared_buffers": "32MB",
    "max_connections": "200",
    "logging_collector": "off",
}


class Missing(Exception):  # noqa: N818 - it is no error of ours
    """There is no PostgreSQL here."""


@contextmanager
def shared_cluster(shared_folder: Path) -> Iterator[str]:
    """Give the URL of a server whose user may create databases, without the name of one.

    Args:
        shared_folder: The same for all workers of a run.

    Raises:
        Missing: The environment names none, and its programs are not installed.
    """
    if os.environ.get("PGHOST") or os.environ.get("PGPORT"):
        yield "postgresql://"
        return
    if server_programs() is None:
        raise Missing("no PostgreSQL: neither PGHOST nor PGPORT is set, and initdb is not installed")
    users = (shared_folder / "postgres.users").open("w")
    with (shared_folder / "postgres.start").open("w") as starting:
        fcntl.flock(starting, fcntl.LOCK_EX)
        fcntl.flock(users, fcntl.LOCK_SH)
        address = shared_folder / "postgres.address"
        if not address.exists():
            address.write_text(_start_keeper(shared_folder))
    try:
        yield address.read_text()
    finally:
        users.close()


def server_programs() -> Path | None:
    """Find the folder of the newest server that is installed."""
    on_path = shutil.which("initdb")
    if on_path is not None:
        return Path(on_path).resolve().parent
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda p: int(p.parts[4]))
    return found[-1].parent if found else None


def _start_keeper(shared_folder: Path) -> str:
    keeper = subprocess.Popen(
        [sys.executable, __file__, str(shared_folder)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert keeper.stdout is not None
    with keeper.stdout:
        line = keeper.stdout.readline().strip()
    if not line.startswith("postgresql://"):
        raise RuntimeError("the cluster for the tests did not start; see above")
    # it outlives us if others still need it
    keeper.returncode = 0
    return line


def keep(shared_folder: Path) -> None:
    """Start a cluster, say where it is, and end it when nobody uses it any more."""
    programs = server_programs()
    assert programs is not None
    folder = Path(tempfile.mkdtemp(prefix="idsync-postgres-"))
    owner = server_user()
    if owner:
        shutil.chown(folder, owner["user"], owner["group"])
    try:
        _run(
            [
                programs / "initdb",
                "-D",
                folder / "data",
                "-A",
                "trust",
                "-U",
                "postgres",
                "-N",
                "-E",
                "UTF8",
                "--locale=C",
            ],
            owner,
        )
        port = _free_port()
        settings = [f"-c{name}={value}" for name, value in _SETTINGS.items()]
        server = subprocess.Popen(
            [programs / "postgres", "-D", folder / "data", "-k", folder, f"-p{port}", *settings],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd=folder,
            **owner,
        )
        try:
            _run(
                [programs / "pg_isready", "-q", "-h", "127.0.0.1", "-p", str(port)], owner, until_ready=server
            )
            sys.stdout.write(f"postgresql://postgres@127.0.0.1:{port}\n")
            sys.stdout.close()
            with (shared_folder / "postgres.users").open("w") as users:
                fcntl.flock(users, fcntl.LOCK_EX)
        finally:
            server.terminate()
            server.wait(_START_S)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _run(
    command: list[Any], owner: Mapping[str, Any], until_ready: subprocess.Popen[bytes] | None = None
) -> None:
    if until_ready is None:
        subprocess.run(command, check=True, timeout=_START_S, stdout=subprocess.DEVNULL, cwd="/", **owner)
        return
    for _ in range(_START_S * 10):
        if subprocess.run(command, check=False, cwd="/", **owner).returncode == 0:
            return
        try:
            until_ready.wait(0.1)
        except subprocess.TimeoutExpired:
            continue
        raise RuntimeError("the cluster for the tests ended at once")
    raise RuntimeError("the cluster for the tests did not become ready")


def server_user() -> dict[str, Any]:
    """Say as whom to run: a server refuses to run as root."""
    if os.geteuid() != 0:
        return {}
    for name in ("postgres", "nobody"):
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}
    raise RuntimeError("there is no user that a PostgreSQL could run as")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


if __name__ == "__main__":
    keep(Path(sys.argv[1]))
