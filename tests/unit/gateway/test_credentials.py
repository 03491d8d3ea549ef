"""Headers become credentials; whether they are right is for the service to say (ID-222 to ID-226)."""

from __future__ import annotations

import json
from base64 import b64encode
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.types import Scope

from idsync.client import BasicCredentials, KeyCredentials, SignedCredentials
from idsync.gateway.credentials import Claim
from idsync.model.errors import UnauthenticatedError
from idsync.model.signing import signature_of

VECTORS = Path(__file__).parents[2] / "vectors" / "signature.json"
DATE = "Tue, 02 Dec 2025 18:03:18 GMT"
SIGNED = {"x-mp-key": "k1", "date": DATE, "x-mp-signature": "ab12"}


def headers(values: dict[str, str]) -> list[tuple[bytes, bytes]]:
    return [(name.encode(), value.encode("latin-1")) for name, value in values.items()]


def claim(values: dict[str, str], path_key: str | None = None) -> Claim:
    return Claim.of(headers(values), path_key)


def basic(key: str, secret: str) -> dict[str, str]:
    return {"authorization": f"Basic {b64encode(f'{key}:{secret}'.encode()).decode()}"}


def sent_to(path: str, query: str = "", method: str = "POST") -> Scope:
    return {"method": method, "raw_path": path.encode(), "query_string": query.encode()}


IDENTIFY = sent_to("/v1/identify")


def test_basic() -> None:
    """ID-223, and that the word before it knows no case."""
    values = {"authorization": "bAsIc " + b64encode("k1:clé:x".encode()).decode()}

    assert claim(values).credentials(IDENTIFY, b"{}") == BasicCredentials("k1", "clé:x")


def test_key_only() -> None:
    """ID-226: browsers send nothing else; whether that will do is the input's setting."""
    assert claim({"x-mp-key": " k1 "}).credentials(IDENTIFY, b"{}") == KeyCredentials("k1")


def test_signed() -> None:
    """ID-224: key, date and signature go on as they came, beside the text that was signed."""
    credentials = claim(SIGNED).credentials(IDENTIFY, b'{"a":1}')

    assert credentials == SignedCredentials(
        "k1", DATE, "ab12", (f'POST\n{DATE}\n/v1/identify{{"a":1}}'.encode(),)
    )


@pytest.mark.parametrize(
    ("path", "signed"),
    [
        ("/v1/identify", "/v1/identify"),
        ("/identity/v1/identify", "/v1/identify"),
        ("/identity/v1/-87/modify", "/v1/-87/modify"),
        ("/v1/identity/k1/alias", "/v1/identity/k1/alias"),
        ("/webevents/v1/identity/k1/Alias", "/v1/identity/k1/Alias"),
        ("/nativeevents/v1/identity/k1/alias", "/v1/identity/k1/alias"),
    ],
)
def test_clients_leave_the_prefix_out_of_what_they_sign(path: str, signed: str) -> None:
    """ID-224: the canonical path, whatever the request came in by."""
    credentials = claim(SIGNED).credentials(sent_to(path), b"{}")

    assert isinstance(credentials, SignedCredentials)
    assert credentials.signed_texts == (f"POST\n{DATE}\n{signed}{{}}".encode(),)


def test_a_query_may_have_been_signed_or_not() -> None:
    """ID-224: clients differ, so both are offered."""
    credentials = claim(SIGNED).credentials(sent_to("/identity/v1/search", "cb=1"), b"{}")

    assert isinstance(credentials, SignedCredentials)
    assert credentials.signed_texts == (
        f"POST\n{DATE}\n/v1/search{{}}".encode(),
        f"POST\n{DATE}\n/v1/search?cb=1{{}}".encode(),
    )


SIGNATURES = json.loads(VECTORS.read_text(encoding="utf-8"))


@pytest.mark.parametrize("case", SIGNATURES, ids=[case["id"] for case in SIGNATURES])
def test_published_signatures_are_made_over_the_text_that_is_offered(case: dict[str, str]) -> None:
    """ID-224: every vector, and through a prefix as well."""
    values = {"x-mp-key": "k1", "date": case["date"], "x-mp-signature": case["signature"]}
    body = case["body"].encode()

    for path in (case["path"], "/identity" + case["path"]):
        credentials = claim(values).credentials(sent_to(path, method=case["method"]), body)
        assert isinstance(credentials, SignedCredentials)
        assert [signature_of(case["secret"], text) for text in credentials.signed_texts] == [
            case["signature"]
        ]


def test_a_signature_is_checked_beside_basic() -> None:
    """ID-226: a signature that is present is checked in any case; the secret is not forgotten for it."""
    both = claim(SIGNED | basic("k1", "s1"))

    assert isinstance(both.credentials(IDENTIFY, b"{}"), SignedCredentials)
    assert both.besides == BasicCredentials("k1", "s1")


def test_a_signature_beside_basic_needs_no_key_header() -> None:
    both = claim({"date": DATE, "x-mp-signature": "ab"} | basic("k1", "s1"))

    credentials = both.credentials(IDENTIFY, b"{}")

    assert isinstance(credentials, SignedCredentials)
    assert credentials.key == "k1"


def test_an_empty_signature_is_present() -> None:
    """ID-226: it is not a way to get off with the key alone."""
    credentials = claim({"x-mp-key": "k1", "x-mp-signature": ""}).credentials(IDENTIFY, b"{}")

    assert isinstance(credentials, SignedCredentials)
    assert credentials.signature == ""


@pytest.mark.parametrize("values", [basic("k1", "s1"), {"x-mp-key": "k1"}])
def test_nothing_is_besides_one_kind(values: dict[str, str]) -> None:
    assert claim(values).besides is None


def test_without_the_text_only_a_signature_cannot_be_checked() -> None:
    """For bodies that cannot be read."""
    assert claim({"x-mp-key": "k1"}).unsigned == KeyCredentials("k1")
    assert claim(basic("k1", "s1")).unsigned == BasicCredentials("k1", "s1")
    assert claim(SIGNED).unsigned is None
    assert claim(SIGNED | basic("k1", "s1")).unsigned == BasicCredentials("k1", "s1")


def test_an_empty_authorization_is_none() -> None:
    """The Node client sends one when it has no credentials."""
    assert claim({"authorization": " ", "x-mp-key": "k1"}).credentials(IDENTIFY, b"") == KeyCredentials("k1")


@pytest.mark.parametrize(
    "values",
    [
        pytest.param({}, id="nothing"),
        pytest.param({"authorization": "", "x-mp-key": " "}, id="only empty ones"),
        pytest.param({"date": DATE, "x-mp-signature": "ab"}, id="a signature of nobody"),
        pytest.param({"authorization": "Basic"}, id="Basic without anything"),
        pytest.param({"authorization": "Basic !!!!"}, id="not base64"),
        pytest.param({"authorization": "Basic azE6czE"}, id="base64 cut short"),
        pytest.param({"authorization": "Basic azE="}, id="no colon"),
        pytest.param({"authorization": "Basic OnMx"}, id="no key"),
        pytest.param({"authorization": "Basic /zr/"}, id="not UTF-8"),
        pytest.param({"authorization": "Bearer op-secret"}, id="an operator's token"),
        pytest.param({"authorization": "Bearer t", "x-mp-key": "k1"}, id="a token beside a key"),
        pytest.param({"x-mp-key": "k2"} | basic("k1", "s1"), id="two keys"),
        pytest.param({"x-mp-key": "k\xe9"}, id="a key beyond ASCII"),
        pytest.param({"x-mp-key": "k" * 1_025}, id="a key without end"),
        pytest.param(SIGNED | {"date": "caf\xe9"}, id="a date beyond ASCII"),
        pytest.param(SIGNED | {"x-mp-signature": "\xe9"}, id="a signature beyond ASCII"),
    ],
)
def test_what_is_no_credentials_is_refused(values: dict[str, str]) -> None:
    """ID-222: 401 without asking anybody."""
    with pytest.raises(UnauthenticatedError):
        claim(values).credentials(IDENTIFY, b"{}")


@pytest.mark.parametrize("name", ["authorization", "x-mp-key", "x-mp-signature", "date"])
def test_a_header_given_twice_is_refused(name: str) -> None:
    """Whoever stands between us and the caller might read the other one."""
    values = headers(SIGNED | basic("k1", "s1"))

    with pytest.raises(UnauthenticatedError):
        Claim.of([*values, (name.encode(), b"x")])


def test_the_key_in_the_path_decides() -> None:
    """ID-226: for alias; browsers send no key header, and another one there counts for nothing."""
    assert claim({}, "k1").credentials(IDENTIFY, b"") == KeyCredentials("k1")
    assert claim({"x-mp-key": "k2"}, "k1").credentials(IDENTIFY, b"") == KeyCredentials("k1")


def test_a_device_signs_an_alias_without_naming_its_key() -> None:
    """ID-226: Date and signature, the key in the path."""
    credentials = claim({"date": DATE, "x-mp-signature": "ab"}, "k1").credentials(IDENTIFY, b"{}")

    assert isinstance(credentials, SignedCredentials)
    assert credentials.key == "k1"


def test_basic_of_another_input_is_refused_for_a_path() -> None:
    """ID-226."""
    assert claim(basic("k1", "s1"), "k1").credentials(IDENTIFY, b"") == BasicCredentials("k1", "s1")
    with pytest.raises(UnauthenticatedError):
        claim(basic("k2", "s1"), "k1")


@pytest.mark.parametrize("key", ["", "k\n1", "k\u00e9", "\u4e2d"])
def test_a_path_may_hold_what_no_key_is(key: str) -> None:
    """Paths are percent-decoded: anything may come out."""
    with pytest.raises(UnauthenticatedError):
        claim({}, key).credentials(IDENTIFY, b"{}")


@given(
    st.lists(st.tuples(st.sampled_from(["authorization", "date", "x-mp-key", "x-mp-signature"]), st.binary()))
)
def test_any_headers_are_credentials_or_refused(pairs: list[tuple[str, bytes]]) -> None:
    """Garbage is wrong credentials, never a fault of the service."""
    try:
        found = Claim.of([(name.encode(), value) for name, value in pairs])
        metadata = dict(found.credentials(IDENTIFY, b"{}").metadata())
    except UnauthenticatedError:
        metadata = {"authorization": ""}

    assert "authorization" in metadata


def test_secrets_do_not_show() -> None:
    """Whoever logs a claim gives nothing away."""
    assert "hush" not in repr(claim(basic("k1", "hush")))
    assert "ab12" not in repr(claim(SIGNED))
