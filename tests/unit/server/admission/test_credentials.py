"""The ways to authenticate (ID-222 to ID-226), and nobody else gets in."""

from __future__ import annotations

from base64 import b64encode
from dataclasses import replace

import pytest

from idsync.client import (
    BasicCredentials,
    DelegateCredentials,
    KeyCredentials,
    OperatorCredentials,
    SignedCredentials,
)
from idsync.model.errors import UnauthenticatedError
from idsync.model.signing import signature_of, signed_text
from idsync.server.admission.caller import Caller
from idsync.server.admission.credentials import Authenticator, Metadata, Registration

NOW_MS = 1_764_698_598_000  # 2025-12-02T18:03:18Z
WEB = Caller(key="web", workspace="shop", scope="retail")
APP = Caller(key="app", workspace="shop", scope="retail")
BARE = Caller(key="bare", workspace="shop", scope="retail")
REGISTRATIONS = [
    Registration(WEB, "s3cr3t", key_only=True),
    Registration(APP, "clé:2", key_only=False),
    Registration(BARE, None, key_only=True),
]


@pytest.fixture
def door() -> Authenticator:
    return Authenticator(REGISTRATIONS, "op-token", 900, lambda: NOW_MS)


def basic(pair: bytes, form: str = "Basic") -> Metadata:
    return (("authorization", f"{form} {b64encode(pair).decode()}"),)


def signed(
    *,
    key: str = "web",
    secret: str = "s3cr3t",
    date: str = "20251202T180318Z",
    texts: tuple[bytes, ...] | None = None,
    signature: str | None = None,
) -> Metadata:
    texts = (signed_text("POST", date, "/v1/identify", b"{}"),) if texts is None else texts
    offered = signature_of(secret, texts[0]) if signature is None else signature
    return SignedCredentials(key, date, offered, texts).metadata()


def refused(door: Authenticator, metadata: Metadata) -> None:
    with pytest.raises(UnauthenticatedError):
        door.caller(metadata)


class TestBasic:
    def test_key_and_secret(self, door: Authenticator) -> None:
        """ID-223; the second secret has a colon and more than ASCII."""
        assert door.caller(BasicCredentials("web", "s3cr3t").metadata()) == WEB
        assert door.caller(BasicCredentials("app", "clé:2").metadata()) == APP

    def test_form_in_any_case(self, door: Authenticator) -> None:
        """RFC 9110, section 11.1."""
        assert door.caller(basic(b"web:s3cr3t", "bASIC")) == WEB

    @pytest.mark.parametrize(
        "pair",
        [b"web:wrong", b"web:", b"web", b":", b"", b"nobody:s3cr3t", b"\xff:\xff", b"bare:", b"bare:None"],
    )
    def test_wrong(self, door: Authenticator, pair: bytes) -> None:
        refused(door, basic(pair))

    @pytest.mark.parametrize("value", ["Basic", "Basic ", "Basic ***", "Basic d2Vi", "d2ViOnMzY3IzdA==", ""])
    def test_malformed(self, door: Authenticator, value: str) -> None:
        refused(door, (("authorization", value),))

    def test_none_at_all(self, door: Authenticator) -> None:
        refused(door, ())
        refused(door, (("user-agent", "x"),))

    def test_bytes_are_no_header(self, door: Authenticator) -> None:
        refused(door, (("authorization", b"Basic d2ViOnMzY3IzdA=="),))

    def test_all_failures_look_alike(self, door: Authenticator) -> None:
        """An unknown key must not look different from a wrong secret."""
        texts = set()
        for pair in (b"web:wrong", b"nobody:wrong"):
            with pytest.raises(UnauthenticatedError) as caught:
                door.caller(basic(pair))
            texts.add(caught.value.message)

        assert len(texts) == 1


class TestDelegate:
    @pytest.fixture
    def door(self) -> Authenticator:
        return Authenticator(REGISTRATIONS, "op-token", 900, lambda: NOW_MS, "made-at-start")

    def test_the_pipeline_acts_for_an_input(self, door: Authenticator) -> None:
        """PL-007: it has no secret of the input, and reaches what the input reaches, no more."""
        caller = door.caller(DelegateCredentials("app", "made-at-start").metadata())

        assert caller == replace(APP, is_delegate=True)

    @pytest.mark.parametrize(
        ("key", "token"), [("app", "wrong"), ("app", ""), ("app", "op-token"), ("nobody", "made-at-start")]
    )
    def test_nobody_else(self, door: Authenticator, key: str, token: str) -> None:
        refused(door, DelegateCredentials(key, token).metadata())

    def test_nobody_where_there_is_no_token(self) -> None:
        door = Authenticator(REGISTRATIONS, "op-token", 900, lambda: NOW_MS)

        for token in ("", "None", "op-token"):
            refused(door, DelegateCredentials("app", token).metadata())


class TestKeyOnly:
    def test_where_switched_on(self, door: Authenticator) -> None:
        """ID-226."""
        assert door.caller(KeyCredentials("web").metadata()) == WEB
        assert door.caller(KeyCredentials("bare").metadata()) == BARE

    @pytest.mark.parametrize("key", ["app", "nobody", ""])
    def test_nowhere_else(self, door: Authenticator, key: str) -> None:
        refused(door, KeyCredentials(key).metadata())


class TestSigned:
    @pytest.mark.parametrize(
        "date",
        [
            "20251202T180318Z",
            "2025-12-02T18:03:18Z",
            "2025-12-02T18:03:18.250Z",
            "2025-12-02T19:03:18+01:00",
            "2025-12-02T18:03:18",
            "Tue, 02 Dec 2025 18:03:18 GMT",
        ],
    )
    def test_every_form_of_date(self, door: Authenticator, date: str) -> None:
        """ID-225."""
        assert door.caller(signed(date=date)) == WEB

    def test_where_key_only_is_off(self, door: Authenticator) -> None:
        assert door.caller(signed(key="app", secret="clé:2")) == APP

    def test_upper_case(self, door: Authenticator) -> None:
        """ID-224."""
        text = signed_text("POST", "20251202T180318Z", "/v1/identify", b"{}")

        assert door.caller(signed(signature=signature_of("s3cr3t", text).upper())) == WEB

    def test_second_text(self, door: Authenticator) -> None:
        """With the query and without (ID-224)."""
        date = "20251202T180318Z"
        plain = signed_text("POST", date, "/v1/search", b"{}")
        query = signed_text("POST", date, "/v1/search?cb=1", b"{}")

        assert door.caller(signed(texts=(plain, query), signature=signature_of("s3cr3t", query))) == WEB

    @pytest.mark.parametrize("date", ["20251202T174818Z", "20251202T181818Z"])
    def test_fifteen_minutes_off(self, door: Authenticator, date: str) -> None:
        assert door.caller(signed(date=date)) == WEB

    @pytest.mark.parametrize(
        "date", ["20251202T174817Z", "20251202T181819Z", "20170712T224127Z", "0001-01-01T00:00:00Z"]
    )
    def test_more_than_fifteen_minutes_off(self, door: Authenticator, date: str) -> None:
        """ID-225."""
        with pytest.raises(UnauthenticatedError, match="date"):
            door.caller(signed(date=date))

    @pytest.mark.parametrize(
        "date", ["", "now", "1764698598", "20251302T180318Z", "2025-12-02T25:03:18Z", "x" * 999]
    )
    def test_no_date(self, door: Authenticator, date: str) -> None:
        refused(door, signed(date=date))

    @pytest.mark.parametrize("signature", ["", "00", "0" * 64, "x" * 64, "é" * 64])
    def test_wrong_signature(self, door: Authenticator, signature: str) -> None:
        """ID-226: checked in any case, although this key alone would do."""
        text = signed_text("POST", "20251202T180318Z", "/v1/identify", b"{}")
        pairs = [("authorization", "Signature web"), ("idsync-date", "20251202T180318Z")]

        refused(door, (*pairs, ("idsync-signature", signature), ("idsync-signed-text-bin", text)))

    def test_unknown_key(self, door: Authenticator) -> None:
        refused(door, signed(key="nobody"))

    @pytest.mark.parametrize("secret", ["", "None"])
    def test_input_without_secret(self, door: Authenticator, secret: str) -> None:
        refused(door, signed(key="bare", secret=secret))

    @pytest.mark.parametrize(
        "text",
        [
            b"",
            b"POST\n",
            b"POST\n20251202T180319Z\n/v1/identify{}",
            b"post\n20251202T180318Z\n/v1/identify{}",
            b"20251202T180318Z\n/v1/identify{}",
            b"POST\n20251202T180318Z/v1/identify{}",
        ],
    )
    def test_text_must_name_the_date(self, door: Authenticator, text: bytes) -> None:
        """Otherwise an old signature would serve with a new date."""
        refused(door, signed(texts=(text,)))

    def test_no_text_or_too_many(self, door: Authenticator) -> None:
        text = signed_text("POST", "20251202T180318Z", "/v1/identify", b"{}")
        right = signature_of("s3cr3t", text)

        refused(door, signed(texts=(), signature=right))
        refused(door, signed(texts=(text, text, text)))

    @pytest.mark.parametrize("left_out", ["idsync-date", "idsync-signature"])
    def test_part_missing(self, door: Authenticator, left_out: str) -> None:
        refused(door, tuple(pair for pair in signed() if pair[0] != left_out))

    @pytest.mark.parametrize("twice", ["idsync-date", "idsync-signature"])
    def test_part_twice(self, door: Authenticator, twice: str) -> None:
        metadata = signed()

        refused(door, (*metadata, *(pair for pair in metadata if pair[0] == twice)))


class TestOperator:
    def test_token(self, door: Authenticator) -> None:
        caller = door.caller(OperatorCredentials("op-token").metadata())

        assert caller.is_operator
        assert caller.scope == ""

    @pytest.mark.parametrize("token", ["", "op-tokem", "s3cr3t", "web"])
    def test_wrong_token(self, door: Authenticator, token: str) -> None:
        refused(door, OperatorCredentials(token).metadata())

    @pytest.mark.parametrize("token", ["", "None", "op-token"])
    def test_without_operators(self, token: str) -> None:
        door = Authenticator(REGISTRATIONS, None, 900, lambda: NOW_MS)

        refused(door, OperatorCredentials(token).metadata())


def test_other_forms_are_refused(door: Authenticator) -> None:
    refused(door, (("authorization", "Digest web"),))


def test_secrets_are_not_shown(door: Authenticator) -> None:
    """A registration may end up in a log by accident."""
    assert "s3cr3t" not in repr(REGISTRATIONS[0])
    assert "s3cr3t" not in repr(door)
