"""Compares the service with echo servers of the same messages, in one run: `python -m tests.bench`.

Measurements of a part alternate, so that whatever else the machine does meets all of them. Ratios are taken
within a round; shown are their median, and as spread the smallest and the largest. See docs/performance.md.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import uvloop

from tests.bench.measurement import Figures, Options
from tests.bench.parts import PARTS, QUICK
from tests.bench.report import measured_table, result_table
from tests.bench.results import results
from tests.bench.run import measure
from tests.bench.soak import COLUMNS, line, soak


def main() -> None:
    """Measure what the command line asks for; exit 1 if a call failed."""
    arguments = _parser().parse_args()
    options = Options(
        rounds=arguments.rounds,
        seconds=arguments.seconds,
        patience_s=arguments.patience_s,
        users=arguments.users,
        profiles=arguments.profiles,
        keep=arguments.keep and arguments.keep.absolute(),
        postgres=arguments.postgres,
    )
    if arguments.soak:
        _soak(arguments.soak, arguments.every, arguments.out)
        return
    parts = arguments.parts or (tuple(PARTS) if arguments.all else QUICK)
    run = uvloop.run(measure(options, parts))
    path = _written(arguments.out, "bench", run.document())
    lines = [result_table(results(run.measurements)), "", measured_table(run.measurements)]
    lines += [f"\nLeft out: {part}: {reason}" for part, reason in run.left_out.items()]
    sys.stdout.write("\n".join(lines) + "\n")
    sys.stderr.write(f"\n{path}\n")
    if arguments.chart is not None:
        from tests.bench.chart import draw  # noqa: PLC0415 - whoever wants no chart need not have matplotlib

        draw(run.document(), arguments.chart)
    sys.exit(1 if any(m.figures.get("failed") for m in run.measurements) else 0)


def _soak(seconds: float, every_s: float, out: Path) -> None:
    """Show a line every so often, and write all of them."""
    lines: list[Figures] = []

    def tell(figures: Figures) -> None:
        lines.append(figures)
        sys.stdout.write(line(figures) + "\n")
        sys.stdout.flush()

    sys.stdout.write(f"| {' | '.join(COLUMNS)} |\n{'|---' * len(COLUMNS)}|\n")
    with tempfile.TemporaryDirectory(prefix="idsync-soak-") as folder:
        uvloop.run(soak(Path(folder), seconds, every_s, tell))
    at = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
    sys.stderr.write(f"\n{_written(out, 'soak', {'at': at, 'lines': lines})}\n")
    sys.exit(1 if any(figures.get("failed") for figures in lines) else 0)


def _written(folder: Path, name: str, document: dict[str, Any]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}-{document['at'].replace('-', '').replace(':', '')}.json"
    path.write_text(json.dumps(document, indent=1) + "\n")
    return path


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tests.bench", description=(__doc__ or "").splitlines()[0]
    )
    default = Options()
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--all", action="store_true", help="also what takes long: large databases, PostgreSQL")
    which.add_argument("--parts", nargs="+", choices=list(PARTS), help="these only")
    parser.add_argument("--rounds", type=int, default=default.rounds)
    parser.add_argument(
        "--seconds", type=float, default=default.seconds, help="counted time of each measurement"
    )
    parser.add_argument("--users", type=int, default=default.users, help="users the service knows before")
    parser.add_argument("--profiles", type=int, default=default.profiles, help="size of a large database")
    parser.add_argument("--keep", type=Path, help="folder that keeps large databases for the next time")
    parser.add_argument(
        "--postgres", default="", metavar="URL", help="a database to use; by default a cluster is started"
    )
    parser.add_argument(
        "--patience-s",
        type=float,
        default=default.patience_s,
        help="wait so long for others to be quiet, before each measurement",
    )
    which.add_argument("--soak", type=float, metavar="SECONDS", help="new people all the time, for so long")
    parser.add_argument("--every", type=float, default=10.0, help="seconds between two lines of --soak")
    parser.add_argument("--out", type=Path, default=Path("bench-out"), help="folder for the figures as JSON")
    parser.add_argument(
        "--chart", type=Path, metavar="STEM", help="draw the results as STEM.svg and STEM.png"
    )
    return parser


if __name__ == "__main__":
    main()
