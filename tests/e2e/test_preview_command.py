"""`idsync preview`: the report in a terminal, as JSON and as a page, and what is refused."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from google.protobuf.json_format import ParseDict

from idsync.client import AsyncClient
from idsync.server.app import App
from idsync.v1 import preview_pb2 as pb
from tests.e2e.profiles import login
from tests.e2e.test_grpc_preview import CONVERSION, SAME, split_the_address_off, traffic
from tests.program import Ended, idsync


@pytest.fixture
def database_url() -> str:
    """What a command prints does not depend on the store."""
    return "memory://"


async def _told(app: App, tmp_path: Path, candidate: str, *words: str) -> Ended:
    """Run the command as an operator."""
    file = tmp_path / "candidate.toml"
    file.write_text(candidate)
    access = ("--target", app.grpc_address, "--token", "op-token")
    return await idsync("preview", "--scope", "retail", str(file), *words, *access)


def _ending(tmp_path: Path) -> list[str]:
    """Give the lines with the command that stages what was tried."""
    return ["", f"to stage it: idsync config stage {tmp_path / 'candidate.toml'} --scope retail --at TIME"]


async def test_the_report_in_a_terminal(app: App, client: AsyncClient, tmp_path: Path) -> None:
    anonymous, ann = await traffic(client)

    told = await _told(app, tmp_path, CONVERSION)

    assert (told.code, told.err) == (0, "")
    lines = told.out.splitlines()
    assert lines[:2] == [
        "7 calls replayed, up to entry 3: 3 changed something, 3 did not, 1 were refused",
        "2 profiles there are, 2 there would be",
    ]
    place = lines.index("1 profiles would be joined to another")
    assert lines[place + 1 : place + 3] == [
        "  1 x link/new-known -> conversion/converted",
        f"    {ann} -> {anonymous}  entry 2  link/new-known -> conversion/converted",
    ]
    assert f"    customerid=ann: {ann} -> {anonymous}  link/new-known -> conversion/converted" in lines
    assert "1 people would get another MPID, 3 calls" in lines
    assert (
        "    nobody -> a new profile  entry 2  link/login-without-login-id -> conversion/new-anonymous"
        in lines
    )


async def test_a_split_that_does_not_apply_is_noted(app: App, client: AsyncClient, tmp_path: Path) -> None:
    """One that is carried out is as it was; one that is not is said, with the profile that is not made."""
    _, ann = await traffic(client)
    await split_the_address_off(client, ann)

    as_it_is = await _told(app, tmp_path, SAME)
    told = await _told(
        app,
        tmp_path,
        SAME.replace('"customerid", "email", "ios', '"customerid", "ios', 1).replace(
            '["customerid", "email"]', '["customerid"]'
        ),
    )

    assert as_it_is.out.splitlines()[2:] == ["no difference", *_ending(tmp_path)]
    lines = told.out.splitlines()
    assert lines[2] == "note: 1 entries of split: 0 were carried out, 0 in part, 1 did not apply"
    assert "1 profiles would not be made" in lines
    assert "  1 x split/new -> -" in lines


async def test_no_difference(app: App, client: AsyncClient, tmp_path: Path) -> None:
    await traffic(client)

    told = await _told(app, tmp_path, SAME)

    assert told.code == 0
    assert told.out.splitlines()[-3:] == ["no difference", *_ending(tmp_path)]


async def test_nothing_to_replay(app: App, tmp_path: Path) -> None:
    told = await _told(app, tmp_path, SAME)

    assert told.code == 0
    assert told.out.splitlines() == ["the journal is empty: there is nothing to replay", *_ending(tmp_path)]


async def test_what_the_report_cannot_know_is_said(app: App, client: AsyncClient, tmp_path: Path) -> None:
    """Erased values, for one."""
    mpid = await login(client, customerid="ann")
    (graph,) = (await app.store.graph_of([mpid])).values()
    await app.resolver.delete(graph, mpid)

    told = await _told(app, tmp_path, SAME)

    assert "note: 1 values were erased: of each only that it was there is known" in told.out.splitlines()


async def test_json_is_one_document(app: App, client: AsyncClient, tmp_path: Path) -> None:
    _, ann = await traffic(client)

    told = await _told(app, tmp_path, CONVERSION, "--json", "--until", "2")

    report = ParseDict(told.document, pb.PreviewReport())
    assert (report.until_seq, report.joined.count, report.joined.samples[0].mpid) == (2, 1, ann)


class _Page(HTMLParser):
    """Collects what a page would load from elsewhere, and its text."""

    def __init__(self) -> None:
        super().__init__()
        self.loaded: list[str] = []
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.loaded += [f"{tag} {name}" for name, _ in attrs if name in {"src", "href", "onclick"}]
        if tag in {"script", "link", "iframe", "object", "img"}:
            self.loaded.append(tag)

    def handle_data(self, data: str) -> None:
        self.text.append(data)


async def test_the_page_needs_nothing_else(app: App, client: AsyncClient, tmp_path: Path) -> None:
    """A value of a stranger's choice is text on it, and nothing more."""
    await traffic(client)
    await login(client, customerid="<script>alert(1)</script>", ios_idfv="d")
    html = tmp_path / "report.html"

    told = await _told(app, tmp_path, CONVERSION, "--html", str(html))

    page = _Page()
    page.feed(html.read_text())
    text = " ".join(page.text)
    assert told.code == 0
    assert page.loaded == []
    assert not re.search(r"url\(|@import", html.read_text())
    assert "customerid=<script>alert(1)</script>" in text
    assert 'strategy = "profile_conversion"' in text
    assert "people would get another MPID" in text


async def test_bad_settings_are_refused_with_their_lines(app: App, tmp_path: Path) -> None:
    told = await _told(app, tmp_path, SAME + "surplus = 1\n")

    assert (told.code, told.out) == (1, "")
    assert "line 7: scopes.retail.surplus: unknown key" in told.err


async def test_wrong_usage(app: App, tmp_path: Path) -> None:
    missing = await idsync("preview", "--scope", "retail", str(tmp_path / "missing.toml"))
    no_scope = await idsync("preview", str(tmp_path))
    unwritable = await _told(app, tmp_path, SAME, "--html", str(tmp_path / "no" / "folder.html"))

    assert (missing.code, no_scope.code, unwritable.code) == (2, 2, 1)
    assert "cannot be written" in unwritable.err
