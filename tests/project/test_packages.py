"""Every package can be imported, and nothing heavy comes along unasked."""

from __future__ import annotations

import subprocess
import sys

from tests.project.tree import ROOT, project_files

HEAVY = {
    "alembic",
    "google",
    "grpc",
    "limits",
    "networkx",
    "prometheus_client",
    "pydantic",
    "sqlalchemy",
    "starlette",
}


def test_every_package_says_what_it_is() -> None:
    """Without `__init__.py` a folder escapes the import rules."""
    modules = [*project_files("idsync/*.py"), *project_files("strategies/idsync_strategies/*.py")]
    lacking = {
        str(path.parent.relative_to(ROOT)) for path in modules if not (path.parent / "__init__.py").exists()
    }

    assert lacking == set()


def test_the_program_starts_light() -> None:
    """Help and completion must not wait for a server's libraries."""
    loaded = subprocess.run(
        [
            sys.executable,
            "-c",
            "import sys, idsync.cli.main; print(*{name.split('.')[0] for name in sys.modules})",
        ],
        capture_output=True,
        text=True,
        check=True,
    )

    assert HEAVY & set(loaded.stdout.split()) == set()
