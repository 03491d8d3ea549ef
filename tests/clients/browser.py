"""A person's browser with the shop's page in it: what the published client reports there, logs and sends."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from playwright.async_api import Browser, BrowserContext, ConsoleMessage, Page, Response

from tests.clients.service import WEB_KEY

__all__ = ["NEWEST", "OLDER", "Report", "Visitor", "direct_urls", "own_domain"]

NEWEST: Final = "newest"
"""The version of the web client that the demo shop has."""
OLDER: Final = ("2.30.1", "2.11.15")
"""Versions that pages still have."""

_READY: Final = "document.documentElement.dataset.ready === 'yes'"

_PATIENCE_S: Final = 60

Report = dict[str, Any]
"""What the client said: `httpCode` and `body` of its callback, and whom it takes its user for."""


def direct_urls(port: int) -> dict[str, str]:
    """Give the settings that send the client to a service, path by path (http-wire 1.3)."""
    host = f"localhost:{port}"
    return {
        "identityUrl": f"{host}/v1/",
        "aliasUrl": f"{host}/v1/identity/",
        "v1SecureServiceUrl": f"{host}/v1/JS/",
        "v2SecureServiceUrl": f"{host}/v2/JS/",
        "v3SecureServiceUrl": f"{host}/v3/JS/",
        "configUrl": f"{host}/JS/v2/",
        "userAudienceUrl": f"{host}/v1/",
    }


def own_domain(port: int) -> dict[str, str]:
    """Give the one setting of a customer with a domain of their own, which adds prefixes (http-wire 1.2)."""
    return {"domain": f"localhost:{port}"}


@dataclass
class Visitor:
    """One browser: its page, and all that the page logged and sent.

    Attributes:
        complaints: Warnings and errors of the console, and exceptions nobody caught.
        answers: Method, path and status of what came back from the service.
    """

    context: BrowserContext
    page: Page
    site: str
    client: str
    complaints: list[str] = field(default_factory=list)
    answers: list[tuple[str, str, int]] = field(default_factory=list)

    @classmethod
    async def arriving(cls, browser: Browser, site: str, client: str) -> Visitor:
        """Open a browser that has never been here.

        Args:
            browser: Where it is opened.
            site: The shop's address.
            client: `NEWEST`, or one of `OLDER`.
        """
        context = await browser.new_context()
        visitor = cls(context, await context.new_page(), site, client)
        visitor.page.on("console", visitor._heard)
        visitor.page.on("pageerror", lambda error: visitor.complaints.append(f"uncaught: {error}"))
        visitor.page.on("response", visitor._answered)
        return visitor

    async def ask(self, expression: str, argument: object = None) -> Any:
        """Evaluate something in the page; a callback that never runs is an error soon."""
        async with asyncio.timeout(_PATIENCE_S):
            return await self.page.evaluate(expression, argument)

    async def begin(self, urls: Mapping[str, str], key: str = WEB_KEY, **settings: Any) -> Report:
        """Load the page and start the client; gives what its first identify came to."""
        await self.page.goto(f"{self.site}?client={self.client}")
        await self.page.wait_for_function(_READY)
        config = {
            **urls,
            "isDevelopmentMode": False,
            "workspaceToken": "shop",
            "requestConfig": False,
            **settings,
            "flags": settings.get("flags", {"eventsV3": "100", "eventBatchingIntervalMillis": "0"}),
        }
        report: Report = await self.ask("([key, config]) => shop.begin(key, config)", [key, config])
        return report

    async def call(self, method: str, identities: Mapping[str, str] | None = None) -> Report:
        """Call `identify`, `login`, `logout` or `modify` of the client."""
        report: Report = await self.ask(
            "([method, identities]) => shop.call(method, identities)", [method, identities]
        )
        return report

    async def search(self, identities: Mapping[str, str]) -> Report:
        """Ask who somebody is, without becoming them."""
        report: Report = await self.ask(
            "([key, identities]) => shop.search(key, identities)", [WEB_KEY, identities]
        )
        return report

    async def log(self, name: str) -> None:
        """Log an event."""
        await self.ask("name => shop.log(name)", name)

    async def device(self) -> str:
        """Name the device application stamp."""
        stamp: str = await self.ask("shop.device()")
        return stamp

    def sent(self, ending: str) -> list[int]:
        """Give the statuses of the posts to paths that end so, in order."""
        return [status for method, path, status in self.answers if method == "POST" and path.endswith(ending)]

    async def leave(self) -> None:
        """Close the browser."""
        await self.context.close()

    def _heard(self, message: ConsoleMessage) -> None:
        if message.type in {"warning", "error", "assert"}:
            self.complaints.append(f"{message.type}: {message.text}")

    def _answered(self, response: Response) -> None:
        if not response.url.startswith(self.site):
            path = "/" + response.url.split("/", 3)[3].partition("?")[0]
            self.answers.append((response.request.method, path, response.status))
