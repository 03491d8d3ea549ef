"""Credentials as metadata."""

from __future__ import annotations

from base64 import b64decode

import pytest

from idsync.client import BasicCredentials, KeyCredentials, OperatorCredentials, SignedCredentials
from idsync.model.errors import UnauthenticatedError


def test_each_form_has_its_scheme() -> None:
    """The forms of the contract: Basic, Key, Signature and Bearer."""
    signed = SignedCredentials("web", "20170712T224127Z", "ab12", (b"one", b"two"))

    assert BasicCredentials("web", "s:3").metadata() == (("authorization", "Basic d2ViOnM6Mw=="),)
    assert KeyCredentials("web").metadata() == (("authorization", "Key web"),)
    assert OperatorCredentials("op").metadata() == (("authorization", "Bearer op"),)
    assert signed.metadata() == (
        ("authorization", "Signature web"),
        ("idsync-date", "20170712T224127Z"),
        ("idsync-signature", "ab12"),
        ("idsync-signed-text-bin", b"one"),
        ("idsync-signed-text-bin", b"two"),
    )


def test_metadata_is_made_once() -> None:
    """It is sent with every call."""
    credentials = BasicCredentials("web", "s3cret")

    assert credentials.metadata() is credentials.metadata()


def test_basic_carries_any_text() -> None:
    """ID-223: keys and secrets are UTF-8; one that is not even text is for the service to refuse."""
    ((_, value),) = BasicCredentials("wéb", "🔑\udc80").metadata()

    assert isinstance(value, str)
    assert b64decode(value.removeprefix("Basic ")) == "wéb:🔑".encode() + b"\xed\xb2\x80"


def test_secrets_are_not_shown() -> None:
    """Credentials end in logs and tracebacks, secrets must not."""
    shown = repr(
        [
            BasicCredentials("web", "s3cret"),
            OperatorCredentials("s3cret"),
            SignedCredentials("web", "today", "s3cret", (b"s3cret",)),
        ]
    )

    assert "s3cret" not in shown
    assert "czNjcmV0" not in shown


@pytest.mark.parametrize("text", ["wéb", "we\nb", "we\x00b", "we\x7fb"])
def test_what_no_header_can_carry_is_nobodys_credential(text: str) -> None:
    """A client of the gateway may send anything; it is answered 401, not with a fault of ours."""
    with pytest.raises(UnauthenticatedError):
        KeyCredentials(text)
    with pytest.raises(UnauthenticatedError):
        OperatorCredentials(text)
    with pytest.raises(UnauthenticatedError):
        SignedCredentials(text, "today", "ab12", ())
    with pytest.raises(UnauthenticatedError):
        SignedCredentials("web", text, "ab12", ())
    with pytest.raises(UnauthenticatedError):
        SignedCredentials("web", "today", text, ())


def test_a_key_with_a_colon_is_refused() -> None:
    """It would be read as another key with another secret."""
    with pytest.raises(UnauthenticatedError):
        BasicCredentials("web:2", "s3cret")
