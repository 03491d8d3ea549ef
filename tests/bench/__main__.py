"""Compares the service with an echo server of the same messages, in one run: `python -m tests.bench`.

Rounds alternate between the two, so that whatever else the machine does meets both. Ratios are taken within a
round; shown are their median and, as spread, the smallest and the largest. Latencies are those of calls, all
else counts resolutions; "later" is processor time for what the server had put off. The last columns are the
load generator's share of one core (near 100 % it was the limit) and how many cores others used meanwhile:
above 0.3, trust ratios and processor times only.
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

import uvloop

from tests.bench.comparison import Options, compare
from tests.bench.report import document, rows, table
from tests.bench.workloads import WORKLOADS


def main() -> None:
    """Measure what the command line asks for; exit 1 if a call failed."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.bench", description=(__doc__ or "").splitlines()[0]
    )
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=3.0, help="counted time of each measurement")
    parser.add_argument("--workloads", nargs="+", choices=list(WORKLOADS), default=list(WORKLOADS))
    parser.add_argument("--in-flight", type=int, default=64, help="calls open at any moment (closed loop)")
    parser.add_argument(
        "--rate",
        type=float,
        default=0.0,
        help="open loop: resolutions a second, sent when due whatever comes back",
    )
    parser.add_argument("--users", type=int, default=10_000, help="users the service knows before")
    parser.add_argument(
        "--patience-s", type=float, default=10.0, help="wait so long for others to be quiet, before each one"
    )
    parser.add_argument("--out", type=Path, default=Path("bench-out"), help="folder for the figures as JSON")
    arguments = vars(parser.parse_args())
    out: Path = arguments.pop("out")
    options = Options(**arguments)
    measurements = uvloop.run(compare(options))
    out.mkdir(parents=True, exist_ok=True)
    path = out / f"bench-{datetime.now(UTC):%Y%m%dT%H%M%SZ}.json"
    path.write_text(json.dumps(document(asdict(options), measurements), indent=2) + "\n")
    sys.stdout.write(table(rows(measurements)) + "\n")
    sys.stderr.write(f"\n{path}\n")
    sys.exit(1 if any(measured.failed for measured in measurements) else 0)


if __name__ == "__main__":
    main()
