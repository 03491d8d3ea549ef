# /// script
# requires-python = ">=3.11"
# dependencies = ["grpcio-tools==1.82.1", "mypy-protobuf==5.1.0"]
# ///
"""Generates idsync/v1 from proto/, or with --check says whether the committed code is fresh.

    uv run --script scripts/gen_proto.py [--check]

uv reads the exactly pinned generators from the lines at the top and runs them in an environment of their
own. Their version is the oldest grpcio and protobuf that the service supports: the protobuf runtime refuses
code newer than itself.
"""

from __future__ import annotations

import argparse
import filecmp
import shutil
import sys
import tempfile
from importlib import resources
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PROTO = ROOT / "proto"
PACKAGE = Path("idsync") / "v1"
INIT = '"""Generated from proto/idsync/v1 by scripts/gen_proto.py; never edited by hand."""\n'


def generate(target: Path) -> None:
    """Write the Python code of every proto file below `target`.

    Raises:
        SystemExit: The compiler refused a file.
    """
    from grpc_tools import protoc  # noqa: PLC0415 - so that --help needs no compiler

    sources = sorted(str(path.relative_to(PROTO)) for path in PROTO.rglob("*.proto"))
    (target / PACKAGE).mkdir(parents=True, exist_ok=True)
    status = protoc.main(
        [
            "protoc",
            f"-I{PROTO}",
            f"-I{resources.files('grpc_tools') / '_proto'}",
            f"--python_out={target}",
            f"--grpc_python_out={target}",
            f"--mypy_out={target}",
            f"--mypy_grpc_out={target}",
            *sources,
        ]
    )
    if status != 0:
        sys.exit(status)
    (target / PACKAGE / "__init__.py").write_text(INIT)
    (target / PACKAGE / "py.typed").touch()


def stale(committed: Path, fresh: Path) -> list[str]:
    """Name the files that differ between two generated folders, or are in one only."""
    names = {p.name for folder in (committed, fresh) for p in folder.glob("*") if p.is_file()}
    same, _, _ = filecmp.cmpfiles(committed, fresh, names, shallow=False)
    return sorted(names - set(same))


def main() -> None:
    """Generate, or check."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="change nothing; exit 1 if the code is stale")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        generate(Path(scratch))
        fresh, committed = Path(scratch) / PACKAGE, ROOT / PACKAGE
        if arguments.check:
            differing = stale(committed, fresh)
            if differing:
                print("stale, run scripts/gen_proto.py:", ", ".join(differing), file=sys.stderr)
                sys.exit(1)
            return
        shutil.rmtree(committed, ignore_errors=True)
        shutil.copytree(fresh, committed)


if __name__ == "__main__":
    main()
