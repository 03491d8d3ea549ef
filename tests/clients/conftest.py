"""One browser and, for each strategy, one service on a new and one on a used database, for all tests here.

Everything runs on one event loop for the session, because a browser belongs to the loop it was started on.
"""

from __future__ import annotations

import shutil
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import ExitStack
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

import pytest
import pytest_asyncio
from playwright.async_api import Browser, async_playwright

from scripts.npm_packages import FOLDERS, MissingError, installed
from tests.clients.browser import NEWEST, OLDER, Visitor
from tests.clients.service import Service, Trust, serving, use
from tests.clients.strategies import STRATEGIES, Strategy
from tests.crash.faults import Faults, faults

HERE = Path(__file__).parent
Arrive = Callable[..., Awaitable[Visitor]]
"""Opens a browser that has never been here; takes the version of its web client, the newest by default."""


def _installed(folder: Path) -> Path:
    try:
        return installed(folder)
    except MissingError as error:
        pytest.skip(f"the published clients cannot be installed: {error}")


@pytest.fixture(scope="session")
def web_sdk() -> Path:
    """The folder with the published web client."""
    return _installed(FOLDERS[0]) / "@mparticle" / "web-sdk" / "dist"


@pytest.fixture(scope="session")
def web_sdks(web_sdk: Path) -> Mapping[str, Path]:
    """The folders with every version of it that tests drive."""
    modules = _installed(FOLDERS[2])
    return {
        NEWEST: web_sdk,
        **{version: modules / f"web-sdk-{version}" / "dist" for version in OLDER},
    }


@pytest.fixture(scope="session")
def node_modules() -> Path:
    """The folder with the published client for Node."""
    if shutil.which("node") is None:
        pytest.skip("there is no node (Debian package nodejs)")
    return _installed(FOLDERS[1])


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser() -> AsyncIterator[Browser]:
    """A browser without a window, which believes our certificates."""
    program = shutil.which("chromium")
    if program is None:
        pytest.skip("there is no chromium (Debian package chromium)")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=program,
            args=[
                "--no-sandbox",
                "--disable-gpu",
                "--disable-dev-shm-usage",
                # not said to a page: what one sends while it is left belongs to no page any more
                "--ignore-certificate-errors",
            ],
        )
        yield browser
        await browser.close()


class _Page(SimpleHTTPRequestHandler):
    sdks: ClassVar[Mapping[str, Path]]

    def translate_path(self, path: str) -> str:
        match path.partition("?")[0].split("/"):
            case ["", "sdk", version, name]:
                return str(self.sdks[version] / name)
        return super().translate_path(path)

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@pytest.fixture(scope="session")
def site(web_sdks: Mapping[str, Path]) -> Iterator[str]:
    """The shop's page, on an origin that is not the service's."""
    _Page.sdks = web_sdks
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Page, directory=str(HERE / "site")))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(scope="session")
def trust(tmp_path_factory: pytest.TempPathFactory) -> Trust:
    """Who vouches for the services."""
    return Trust(tmp_path_factory.mktemp("trust"))


@pytest_asyncio.fixture(loop_scope="session")
async def arrive(browser: Browser, site: str) -> AsyncIterator[Arrive]:
    """Open browsers that have never been here; closed after the test."""
    visitors: list[Visitor] = []

    async def open_one(client: str = NEWEST) -> Visitor:
        visitors.append(await Visitor.arriving(browser, site, client))
        return visitors[-1]

    yield open_one
    for visitor in visitors:
        await visitor.leave()


@pytest.fixture(params=STRATEGIES, ids=lambda strategy: strategy.name)
def strategy(request: pytest.FixtureRequest) -> Strategy:
    """Each strategy in turn."""
    chosen: Strategy = request.param
    return chosen


class Ailing(NamedTuple):
    """A service, and its disk."""

    service: Service
    disk: Faults


ServiceFor = Callable[[Strategy, str], Awaitable[Service]]


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def services(tmp_path_factory: pytest.TempPathFactory, trust: Trust) -> AsyncIterator[ServiceFor]:
    """Start services when they are first wanted; they end with the session."""
    running: dict[tuple[str, str], Service] = {}
    with ExitStack() as stack:

        async def service_for(strategy: Strategy, database: str) -> Service:
            name = (strategy.name, database)
            if name not in running:
                folder = tmp_path_factory.mktemp("-".join(name))
                if database == "used":
                    await use(folder, strategy.configuration)
                running[name] = stack.enter_context(serving(folder, strategy.configuration, trust))
            return running[name]

        yield service_for


@pytest.fixture(scope="session")
def ailing_services(
    tmp_path_factory: pytest.TempPathFactory, trust: Trust
) -> Iterator[Callable[[Strategy], Ailing]]:
    """Start services whose disk can be full, and which soon have enough of a caller."""
    running: dict[str, Ailing] = {}
    with ExitStack() as stack:

        def ailing_for(strategy: Strategy) -> Ailing:
            if strategy.name not in running:
                folder = tmp_path_factory.mktemp(f"{strategy.name}-ailing")
                disk = stack.enter_context(faults(folder / "faults"))
                settings = f"{strategy.configuration}\n[limits]\nrequests_per_second_per_key = 3\n"
                service = stack.enter_context(serving(folder, settings, trust, disk.environment))
                running[strategy.name] = Ailing(service, disk)
            return running[strategy.name]

        yield ailing_for


@pytest.fixture
def ailing(ailing_services: Callable[[Strategy], Ailing], strategy: Strategy) -> Iterator[Ailing]:
    """One of them, with room on its disk."""
    chosen = ailing_services(strategy)
    yield chosen
    chosen.disk.write()


@pytest_asyncio.fixture(loop_scope="session")
async def new_service(services: ServiceFor, strategy: Strategy) -> Service:
    """A service with the strategy, for what no past of its database can change."""
    return await services(strategy, "new")


@pytest_asyncio.fixture(params=["new", pytest.param("used", marks=pytest.mark.reused)], loop_scope="session")
async def service(request: pytest.FixtureRequest, services: ServiceFor, strategy: Strategy) -> Service:
    """A service with the strategy, on an empty database and on one with a past."""
    return await services(strategy, request.param)
