"""`idsync split`, `revert`, `forbid`: what operators read, and what cannot be asked."""

from __future__ import annotations

import pytest
from google.protobuf.json_format import ParseDict

from idsync.client import AsyncClient
from idsync.server.app import App
from idsync.v1 import undo_pb2 as pb
from tests.e2e.profiles import login
from tests.program import Ended, idsync


@pytest.fixture
def database_url() -> str:
    """What a command prints does not depend on the store."""
    return "memory://"


async def _told(app: App, *words: str) -> Ended:
    """Run a command as an operator."""
    return await idsync(*words, "--target", app.grpc_address, "--token", "op-token")


async def _joined(client: AsyncClient) -> int:
    mpid = await login(client, customerid="ada", ios_idfv="tablet")
    assert await login(client, customerid="ada", email="bob@x.example") == mpid
    return mpid


async def test_split_tells_what_goes_where(app: App, client: AsyncClient) -> None:
    mpid = await _joined(client)

    preview = await _told(app, "split", str(mpid), "email=bob@x.example", "--preview")
    done = await _told(app, "split", str(mpid), "email=bob@x.example", "--json")
    undone = ParseDict(done.document, pb.SplitProfileResponse()).undone
    owner = undone.profiles[0].mpid
    former = await _told(app, "profile", str(mpid))

    assert (preview.code, preview.err, done.code) == (0, "", 0)
    assert preview.out.splitlines() == [
        "profile     a new one  (new, known)",
        "  gets      email=bob@x.example",
        "  then has  email=bob@x.example",
        f"profile     {mpid}  (known)",
        "  loses     email=bob@x.example  (since entry 2)",
        "  then has  customerid=ada ios_idfv=tablet",
        f"forbidden   email=bob@x.example the new profile  |  customerid=ada ios_idfv=tablet profile {mpid}",
        "version     2",
        "journal     nothing was written",
    ]
    assert undone.journal_seq == 3
    assert f"moved to    {owner}" in former.out.splitlines()


async def test_revert_tells_what_is_as_it_was(app: App, client: AsyncClient) -> None:
    mpid = await _joined(client)
    await login(client, email="bob@x.example", ios_idfv="bobs")

    refused = await _told(app, "revert", "2", "--scope", "retail")
    done = await _told(app, "revert", "2", "--scope", "retail", "--with-following", "--no-forbid")
    journal = await _told(app, "journal", "--scope", "retail", "--after", "3")

    assert (refused.code, refused.out) == (1, "")
    assert refused.err == "CONFLICT: these later journal entries rest on it: 3\n"
    assert done.out.splitlines() == [
        "undone      entry 2",
        "undone      entry 3",
        f"profile     {mpid}  (known)",
        "  loses     email=bob@x.example  (since entry 2)",
        "  loses     ios_idfv=bobs  (since entry 3)",
        "  then has  customerid=ada ios_idfv=tablet",
        "version     3",
        "journal     entry 4",
    ]
    assert journal.out.splitlines()[0].endswith(f"revert by operator: {mpid} by rule revert/with-following")
    assert "    reverted entry 2" in journal.out.splitlines()


async def test_forbid_and_its_withdrawal(app: App, client: AsyncClient) -> None:
    """Of a value and a profile, whose name looks like an option where it is negative (ID-007)."""
    mpid = await login(client, customerid="ada")
    words = ("forbid", "email=bob@x.example", str(mpid), "--scope", "retail")

    checked = await _told(app, *words, "--preview")
    made = await _told(app, *words, "--reason", "two people")
    answer = await idsync(
        "login", "customerid=ada", "email=bob@x.example", "--target", app.grpc_address,
        "--key", "shop-web", "--secret", "shop-secret",
    )  # fmt: skip
    withdrawn = await _told(app, *words, "--withdraw")
    again = await _told(app, *words, "--withdraw")
    negative = await _told(app, "forbid", "email=bob@x.example", "-7", "--scope", "retail")

    link = f"email=bob@x.example  |  profile {mpid}"
    assert checked.out.splitlines() == [f"forbidden   {link}", "journal     nothing was written"]
    assert made.out.splitlines() == [f"forbidden   {link}", "journal     entry 2"]
    assert "notice      email: forbidden by entry 2" in answer.out.splitlines()
    assert withdrawn.out.splitlines() == [
        f"permitted   {link}",
        "withdrawn   entry 2",
        "journal     entry 3",
    ]
    assert again.err == "NOT_FOUND_ERROR: there is no such must-not-link\n"
    assert negative.err == "NOT_FOUND_ERROR: there is no live profile -7\n"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("split", "1"), "Missing argument"),
        (("split", "1", "colour=red"), "must be TYPE=VALUE"),
        (("revert", "0"), "greater than or equal to 1"),
        (("forbid", "email=a", "bob"), "must be TYPE=VALUE or an MPID"),
    ],
    ids=["nothing to split", "type", "position", "side"],
)
async def test_wrong_usage_is_told_before_anything_is_sent(words: tuple[str, ...], said: str) -> None:
    ended = await idsync(*words)

    assert ended.code == 2
    assert said in " ".join(ended.err.split())
