"""What an identity call cannot mean is refused, in order, and without a value in the text (ID-233)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idsync.model.errors import InvalidRequestError
from tests.unit.gateway.json_bodies import FULL_WIDTH, WHOLE, identify, text_of

BAD_ENVIRONMENTS = [..., None, "", "staging", "Production", 1, True, ["production"]]
BAD_MPIDS = [
    "abc",
    " 12",
    "+5",
    FULL_WIDTH,
    "-0",
    "9223372036854775808",
    2**63,
    2**64,
    -(2**63) - 1,
    1.5,
    True,
    [],
    {},
]
BAD_IDENTITIES: list[object] = [
    ["ios_idfv"],
    [],
    "email",
    "",
    5,
    False,
    {"frequent_flyer": "1"},
    {"Email": "a"},
    {"frequent_flyer": None},
    {"email": 5},
    {"email": True},
    {"email": ["a"]},
    {"email": {"a": 1}},
    {"email": 1.5, "customerid": "c"},
]


def refusal(text: bytes) -> InvalidRequestError:
    with pytest.raises(InvalidRequestError) as refused:
        identify(text)
    return refused.value


@pytest.mark.parametrize("environment", BAD_ENVIRONMENTS)
def test_the_environment_is_one_of_two(environment: object) -> None:
    """ID-233."""
    error = refusal(text_of(WHOLE, environment=environment))

    assert (error.reason, error.fields) == ("VALIDATION_ERROR", ("environment",))


@pytest.mark.parametrize("mpid", BAD_MPIDS)
def test_the_previous_mpid_is_a_64_bit_integer(mpid: object) -> None:
    """ID-233."""
    error = refusal(text_of(WHOLE, previous_mpid=mpid))

    assert (error.reason, error.fields) == ("VALIDATION_ERROR", ("previous_mpid",))


@pytest.mark.parametrize("value", BAD_IDENTITIES)
def test_identities_are_text_by_known_names(value: object) -> None:
    """ID-020, ID-023, ID-233."""
    error = refusal(text_of(WHOLE, known_identities=value))

    assert error.reason == "VALIDATION_ERROR"
    assert error.fields[0].startswith("known_identities")


def test_the_first_fault_of_the_order_is_reported() -> None:
    """ID-233: JSON, environment, MPIDs, shape and types."""
    everything = {"environment": "staging", "previous_mpid": "abc", "known_identities": {"email": 5}}

    assert refusal(text_of(everything)[:-1]).reason == "BAD_REQUEST"
    assert refusal(text_of(everything)).fields == ("environment",)
    assert refusal(text_of(everything, environment="production")).fields == ("previous_mpid",)
    assert refusal(text_of(everything, environment="production", previous_mpid="1")).fields == (
        "known_identities.email",
    )


@pytest.mark.parametrize(
    "identities",
    [
        '{"email":"a","email":"b"}',
        '{"email":"a","email":"a"}',
        '{"email":"a","email":null}',
        '{"email":"a" , "customerid":"c", "email" : "b"}',
        '{"email":"a","\\u0065mail":"b"}',
        '{"email":"a"},"known_identities":{"email":"b"}',
    ],
)
def test_one_type_twice_is_refused(identities: str) -> None:
    """ID-233: parsers keep the last one in silence; which of two the caller meant is not for us to guess."""
    error = refusal(b'{"environment":"production","known_identities":%s}' % identities.encode())

    assert (error.reason, error.fields) == ("VALIDATION_ERROR", ("known_identities",))


def test_deep_and_suspect_is_refused() -> None:
    """What one parser takes may be too deep for the other."""
    deep = b"[" * 1_000 + b"]" * 1_000

    error = refusal(b'{"environment":"production","known_identities":{"email":"\\u0061"},"x":%s}' % deep)

    assert error.reason == "BAD_REQUEST"


def test_no_fault_repeats_a_value() -> None:
    """Error texts never hold identity values, and callers confuse names with values."""
    assert "jekyll" not in refusal(text_of(WHOLE, known_identities={"jekyll@example.com": "x"})).message
    assert "jekyll" not in refusal(text_of(WHOLE, known_identities={"email": ["jekyll"]})).message
    assert "jekyll" not in refusal(text_of(WHOLE, environment="jekyll")).message
    assert "jekyll" not in refusal(text_of(WHOLE, previous_mpid="jekyll")).message


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3),
    max_leaves=8,
)
MEMBERS = st.sampled_from(["environment", "known_identities", "previous_mpid", "request_id", "client_sdk"])


def reason(text: bytes) -> str | None:
    """Say why a body is refused; `None`: it is not."""
    try:
        identify(text)
    except InvalidRequestError as refused:
        return refused.reason
    return None


@given(st.dictionaries(MEMBERS, JSON | st.just("production")))
def test_any_object_is_a_request_or_refused(body: dict[str, object]) -> None:
    """Nothing a caller sends is a fault of ours."""
    assert reason(text_of(body)) in {None, "BAD_REQUEST", "VALIDATION_ERROR"}
