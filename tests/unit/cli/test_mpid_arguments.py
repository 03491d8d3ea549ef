"""What client commands take from the command line, before anything is sent."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from google.protobuf.message import Message
from typer.testing import CliRunner

from idsync.cli.main import app
from idsync.v1 import graph_service_pb2 as graph
from idsync.v1 import identity_pb2 as nouns
from idsync.v1 import identity_service_pb2 as identity

_TOO_LARGE = "9223372036854775808"


class _Recorder:
    """Stands for the client: keeps what was sent, and as whom."""

    def __init__(self) -> None:
        self.sent: list[Message] = []
        self.shown: tuple[str | None, str | None] = (None, None)

    def modify(self, request: identity.ModifyRequest) -> identity.ModifyResponse:
        self.sent.append(request)
        return identity.ModifyResponse()

    def identify(self, request: identity.IdentifyRequest) -> identity.IdentifyResponse:
        self.sent.append(request)
        return identity.IdentifyResponse()

    def get_profile(self, request: graph.GetProfileRequest) -> graph.GetProfileResponse:
        self.sent.append(request)
        development = nouns.Profile(environment=nouns.ENVIRONMENT_DEVELOPMENT)
        return graph.GetProfileResponse(profile=development)

    def explain(self, request: graph.ExplainRequest) -> graph.ExplainResponse:
        self.sent.append(request)
        return graph.ExplainResponse()


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch) -> _Recorder:
    recorder = _Recorder()

    @contextmanager
    def connected(
        _target: str, key: str | None, _secret: str | None, token: str | None
    ) -> Iterator[_Recorder]:
        recorder.shown = (key, token)
        yield recorder

    monkeypatch.setattr("idsync.cli.calls.connected", connected)
    monkeypatch.setattr("idsync.cli.inspect.connected", connected)
    return recorder


def _run(*words: str) -> int:
    return CliRunner().invoke(app, words, env={"NO_COLOR": "1"}).exit_code


@pytest.mark.parametrize("words", [("-5", "email=a:b"), ("--key", "k", "-5", "email=a:b", "--json")])
def test_a_negative_mpid_is_modified(client: _Recorder, words: tuple[str, ...]) -> None:
    """ID-007: negative MPIDs are legal and occur."""
    assert _run("modify", *words) == 0
    [request] = client.sent
    assert isinstance(request, identity.ModifyRequest)
    assert request.mpid == -5


def test_a_negative_mpid_is_shown_and_explained(client: _Recorder) -> None:
    """ID-007."""
    assert _run("profile", "-9223372036854775808") == 0
    assert _run("explain", "email=a", "-7") == 0
    shown: Any
    explained: Any
    shown, explained = client.sent
    assert shown.mpid == -(2**63)
    assert explained.identity_on_profile.mpid == -7


@pytest.mark.usefixtures("client")
@pytest.mark.parametrize(
    ("words", "code"),
    [((), 0), (("--environment", "development"), 0), (("--environment", "production"), 1)],
)
def test_a_profile_is_of_one_environment(words: tuple[str, ...], code: int) -> None:
    """ID-004: its MPID says which; naming the other one finds nothing."""
    assert _run("profile", "5", *words) == code


@pytest.mark.parametrize(
    "words",
    [
        ("modify", _TOO_LARGE, "email=a:b"),
        ("profile", _TOO_LARGE),
        ("profile", f"-{_TOO_LARGE}0"),
        ("explain", "email=a", _TOO_LARGE),
        ("journal", "--mpid", _TOO_LARGE),
        ("identify", "email=a", "--previous-mpid", _TOO_LARGE),
        ("identify", "email=\udcff"),
        ("modify", "5", "email=\udcff:a"),
        ("modify", "-5", "--nosuch", "email=a:b"),
        ("profile", "-5", "--nosuch"),
        ("profile", "5", "--nosuch"),
    ],
)
def test_what_cannot_be_sent_is_wrong_usage(client: _Recorder, words: tuple[str, ...]) -> None:
    """ID-007 and section 5 of the design: exit code 2, not a failure of the program."""
    assert _run(*words) == 2
    assert not client.sent


@pytest.mark.parametrize(
    ("words", "shown"), [(("--token", "t"), (None, "t")), (("--token", "t", "--key", "k"), ("k", None))]
)
def test_calls_take_a_token(
    client: _Recorder, words: tuple[str, ...], shown: tuple[str | None, str | None]
) -> None:
    """Section 5 of the design: client commands take it; beside a key, the key is shown."""
    assert _run("identify", "email=a", *words) == 0
    assert _run("modify", "5", "email=a:b", *words) == 0
    assert client.shown == shown
