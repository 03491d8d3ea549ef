"""What a user gets who installs the wheel."""

from __future__ import annotations

import configparser
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.project.tree import ROOT, project_files


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    target = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "build", "--no-isolation", "--wheel", "--outdir", str(target), str(ROOT)]
    built = subprocess.run(command, capture_output=True, text=True, check=False)
    if built.returncode != 0:
        pytest.fail(built.stdout + built.stderr)
    (path,) = target.glob("*.whl")
    return zipfile.ZipFile(path)


def _expected() -> set[str]:
    """Every file of the two packages, by its path in the wheel."""
    packages = {ROOT: "idsync", ROOT / "strategies": "strategies/idsync_strategies"}
    return {
        path.relative_to(base).as_posix()
        for base, folder in packages.items()
        for path in project_files(folder)
    }


def test_wheel_holds_both_packages_and_nothing_else(wheel: zipfile.ZipFile) -> None:
    """Generated code, migrations, markers of typed packages and data files included; no test, no script."""
    held = {name for name in wheel.namelist() if ".dist-info/" not in name}

    assert held == _expected()


def test_wheel_holds_what_works_only_when_shipped(wheel: zipfile.ZipFile) -> None:
    """The files that a checkout would not miss."""
    names = wheel.namelist()

    assert {"idsync/py.typed", "idsync_strategies/py.typed", "idsync/v1/identity_service_pb2.pyi"} <= set(
        names
    )
    assert [
        name for name in names if name.startswith("idsync/store/sql/migrations/") and name.endswith(".py")
    ]


def test_wheel_names_the_strategies_and_the_program(wheel: zipfile.ZipFile) -> None:
    """Strategies are found by entry point only (ID-030)."""
    (entry_points,) = (name for name in wheel.namelist() if name.endswith(".dist-info/entry_points.txt"))
    points = configparser.ConfigParser()
    points.read_string(wheel.read(entry_points).decode())

    assert set(points["idsync.strategies"]) == {
        "default",
        "profile_conversion",
        "profile_link",
        "profile_isolation",
        "best_match",
    }
    assert dict(points["console_scripts"]) == {"idsync": "idsync.cli.main:app"}


def test_wheel_carries_its_licence(wheel: zipfile.ZipFile) -> None:
    (licence,) = (name for name in wheel.namelist() if name.endswith(".dist-info/licenses/LICENSE"))

    assert wheel.read(licence) == Path(ROOT / "LICENSE").read_bytes()
