"""Every package can be imported, and nothing heavy comes along unasked."""

from __future__ import annotations

import ast
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

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


def _imported(path: Path) -> Iterator[str]:
    """Give the top-level name of every module that a file imports, wherever in the file."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module.partition(".")[0]


def test_tests_import_what_is_declared() -> None:
    """What happens to be installed on one machine is missing on the next; deptry looks at the rest."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = (entry for extra in project["optional-dependencies"].values() for entry in extra)
    declared = {canonicalize_name(Requirement(r).name) for r in [*project["dependencies"], *extras]}
    ours = sys.stdlib_module_names | {"idsync", "idsync_strategies", "scripts", "tests"}
    offered = packages_distributions()

    undeclared = {
        f"{path.relative_to(ROOT)}: {module}"
        for path in project_files("tests/*.py")
        for module in set(_imported(path)) - ours
        if not declared & {canonicalize_name(name) for name in offered.get(module, [])}
    }

    assert undeclared == set()
