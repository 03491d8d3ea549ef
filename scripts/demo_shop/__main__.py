"""Starts the service and the shop; ends with Ctrl-C."""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys
from pathlib import Path
from typing import Final

from scripts.demo_shop.service import STRATEGIES, ServiceError, serving
from scripts.demo_shop.site import serve_site
from scripts.npm_packages import FOLDERS, MissingError, installed

_FOLDER: Final = Path("idsync-data") / "demo-shop"


def main() -> int:
    """Run the program; gives its exit code."""
    parser = argparse.ArgumentParser(prog="python -m scripts.demo_shop", description=__doc__)
    parser.add_argument("--strategy", choices=STRATEGIES, default="profile_link", help="(%(default)s)")
    parser.add_argument("--port", type=int, default=8081, help="where the shop listens; 0: any (%(default)s)")
    parser.add_argument("--folder", type=Path, default=_FOLDER, help="where the database is (%(default)s)")
    chosen = parser.parse_args()
    try:
        sdk = installed(FOLDERS[0]) / "@mparticle" / "web-sdk" / "dist"
        asyncio.run(_run(chosen.folder / chosen.strategy, chosen.strategy, chosen.port, sdk))
    except (MissingError, ServiceError, OSError) as error:
        sys.stderr.write(f"the demo shop cannot start: {error}\n")
        return 1
    return 0


async def _run(folder: Path, strategy: str, port: int, sdk: Path) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with serving(folder, strategy) as service, serve_site(service, sdk, port) as address:
        print(f"shop http://{address}/  (service on http://{service.http}, strategy {strategy})", flush=True)
        ended = asyncio.create_task(service.ended())
        stopped = asyncio.create_task(stop.wait())
        await asyncio.wait([ended, stopped], return_when=asyncio.FIRST_COMPLETED)
        if ended.done():
            raise ServiceError(f"the service ended by itself; see {service.log}")
        ended.cancel()


if __name__ == "__main__":
    sys.exit(main())
