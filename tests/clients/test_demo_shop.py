"""The demo shop as a newcomer has it: one command, a browser, and the graph that changes beside the shop."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.async_api import Browser, Page, expect

from tests.project.tree import ROOT

pytestmark = [pytest.mark.clients, pytest.mark.asyncio(loop_scope="session")]


@contextmanager
def demo_shop(folder: Path) -> Iterator[str]:
    """Start the shop; gives the address of its page."""
    command = [sys.executable, "-m", "scripts.demo_shop", "--port", "0", "--folder", str(folder)]
    with (folder / "errors").open("w") as errors:
        shop = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=errors, text=True)
    assert shop.stdout is not None
    try:
        line = shop.stdout.readline()
        found = re.match(r"shop (http://\S+)", line)
        assert found, line + (folder / "errors").read_text()
        yield found[1]
        shop.send_signal(signal.SIGINT)
        assert shop.wait(60) == 0
    finally:
        shop.kill()
        shop.wait()
        shop.stdout.close()


async def settled(page: Page, call: str) -> str:
    """Wait for the answer to a call; gives the profile that the client is on."""
    await expect(page.locator("#last-call")).to_have_text(f"{call}: 200")
    return await page.locator("#mpid").inner_text()


async def test_story_in_the_browser(tmp_path: Path, browser: Browser, web_sdk: Path) -> None:
    """ID-121, ID-124, ID-251: who signs in, out and in again sees the graph do what the strategy says."""
    complaints: list[str] = []
    context = await browser.new_context(viewport={"width": 1280, "height": 860}, reduced_motion="reduce")
    page = await context.new_page()
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on(
        "console", lambda said: complaints.append(said.text) if said.type in {"warning", "error"} else None
    )
    with demo_shop(tmp_path) as address:
        await page.goto(address)
        visitor = await settled(page, "identify")
        await page.click("[data-hat=bowler]")
        await page.click("[data-person=ada]")
        await page.click("#login")
        ada = await settled(page, "login")
        state = await page.locator("#state").inner_text()
        await page.click("#logout")
        left = await settled(page, "logout")
        await page.click("[data-person=ben]")
        await page.click("#login")
        ben = await settled(page, "login")
        await page.click("#forget")
        elsewhere = await settled(page, "identify")
        await page.click("[data-person=ada]")
        await page.click("#login")
        again = await settled(page, "login")
        await expect(page.locator("#graph .profile")).to_have_count(5)
        await expect(page.locator("#graph .profile.known")).to_have_count(2)
        await expect(page.locator("#graph .identity")).to_have_count(6)
        await expect(page.locator("#journal li").first).to_contain_text("login link/known")
        rules = await page.locator("#journal code").all_inner_texts()
        mine = await page.locator("#graph .profile.mine text").last.text_content()
        shown = os.environ.get("IDSYNC_SCREENSHOTS")
        await page.screenshot(path=Path(shown or tmp_path) / "demo-shop.png", full_page=True)
        await context.close()

    assert state == "signed in"
    assert again == ada
    assert len({visitor, ada, left, ben, elsewhere}) == 5
    assert mine == f"profile …{ada[-5:]}"
    assert rules == [
        "link/known",
        "link/new-anonymous",
        "link/new-known",
        "link/logout",
        "link/new-known",
        "link/new-anonymous",
    ]
    assert complaints == []
