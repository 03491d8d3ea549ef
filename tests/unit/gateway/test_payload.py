"""Bodies are read to the limit and no further; what is no JSON object says so (ID-227, ID-233, ID-242)."""

from __future__ import annotations

import gzip
import json
import zlib

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.requests import ClientDisconnect
from starlette.types import Message

from idsync.gateway.payload import MAX_BODY_BYTES, parse_object, read_text
from idsync.model.errors import InvalidRequestError

GZIP = [(b"content-encoding", b"gzip")]


class Upload:
    """Gives a body in pieces, and counts how many were asked for."""

    def __init__(self, *pieces: bytes, ends: bool = True) -> None:
        self._pieces = pieces
        self._ends = ends
        self.read = 0

    async def receive(self) -> Message:
        if self.read == len(self._pieces):
            return {"type": "http.disconnect"}
        piece = self._pieces[self.read]
        self.read += 1
        more = not self._ends or self.read < len(self._pieces)
        return {"type": "http.request", "body": piece, "more_body": more}


def pieces_of(data: bytes, size: int) -> list[bytes]:
    return [data[start : start + size] for start in range(0, len(data), size)] or [b""]


@given(text=st.binary(max_size=2_000), size=st.integers(1, 700))
async def test_the_text_is_the_same_compressed_or_not_and_in_any_pieces(text: bytes, size: int) -> None:
    """ID-227: gzip is accepted; how the network cuts a body says nothing."""
    plain = await read_text([], Upload(*pieces_of(text, size)).receive)
    packed = await read_text(GZIP, Upload(*pieces_of(gzip.compress(text), size)).receive)

    assert plain == packed == text


@pytest.mark.parametrize("encoding", [b"identity", b"", b" Identity "])
async def test_no_encoding_has_other_names(encoding: bytes) -> None:
    assert await read_text([(b"content-encoding", encoding)], Upload(b"{}").receive) == b"{}"


@pytest.mark.parametrize("encoding", [b"GZIP", b"x-gzip"])
async def test_gzip_has_other_names(encoding: bytes) -> None:
    upload = Upload(gzip.compress(b"{}"))

    assert await read_text([(b"content-encoding", encoding)], upload.receive) == b"{}"


@pytest.mark.parametrize("size", [1, 7, 10_000])
async def test_gzip_may_have_members_and_padding(size: int) -> None:
    """Some senders compress piece by piece, and fill up with zeros."""
    packed = gzip.compress(b'{"a"') + gzip.compress(b": 1}") + b"\0" * 100

    assert await read_text(GZIP, Upload(*pieces_of(packed, size)).receive) == b'{"a": 1}'


async def test_gzip_members_share_one_limit() -> None:
    packed = gzip.compress(b"x" * 200_000) * 2

    with pytest.raises(InvalidRequestError) as refused:
        await read_text(GZIP, Upload(*pieces_of(packed, 100)).receive)
    assert refused.value.reason == "VALIDATION_ERROR"


@pytest.mark.parametrize("encoding", [b"br", b"deflate", b"gzip, gzip", b"\xff"])
async def test_another_encoding_is_refused(encoding: bytes) -> None:
    """What cannot be undone is no JSON."""
    with pytest.raises(InvalidRequestError) as refused:
        await read_text([(b"content-encoding", encoding)], Upload(b"{}").receive)

    assert refused.value.reason == "BAD_REQUEST"


@pytest.mark.parametrize("headers", [[], GZIP])
async def test_a_body_at_the_limit_is_read(headers: list[tuple[bytes, bytes]]) -> None:
    """ID-242: 256 KB, uncompressed, are still taken."""
    text = b"x" * MAX_BODY_BYTES
    body = gzip.compress(text) if headers else text

    assert await read_text(headers, Upload(body).receive) == text


@pytest.mark.parametrize("headers", [[], GZIP])
async def test_a_body_over_the_limit_is_refused(headers: list[tuple[bytes, bytes]]) -> None:
    """ID-242 counts what comes out, not what was sent."""
    text = b"x" * (MAX_BODY_BYTES + 1)
    body = gzip.compress(text) if headers else text

    with pytest.raises(InvalidRequestError) as refused:
        await read_text(headers, Upload(body).receive)

    assert refused.value.reason == "VALIDATION_ERROR"


async def test_a_large_upload_is_not_read_on() -> None:
    upload = Upload(*[b"x" * 65_536] * 200)

    with pytest.raises(InvalidRequestError):
        await read_text([], upload.receive)

    assert upload.read == 5


async def test_a_large_upload_that_says_so_is_not_read_at_all() -> None:
    upload = Upload(b"x")

    with pytest.raises(InvalidRequestError) as refused:
        await read_text([(b"content-length", b"10485760")], upload.receive)

    assert refused.value.reason == "VALIDATION_ERROR"
    assert upload.read == 0


async def test_a_gzip_bomb_stops_at_the_limit() -> None:
    """A gigabyte in a megabyte: refused with the first pieces, and never unfolded."""
    packer = zlib.compressobj(9, wbits=31)
    zeros = b"\0" * 1_000_000
    bomb = b"".join(packer.compress(zeros) for _ in range(100)) + packer.flush()
    upload = Upload(*pieces_of(bomb, 1_024))

    with pytest.raises(InvalidRequestError) as refused:
        await read_text(GZIP, upload.receive)

    assert refused.value.reason == "VALIDATION_ERROR"
    assert upload.read <= 2


async def test_compression_that_never_ends_is_refused() -> None:
    """A frame without content may go on for ever."""
    empty_block = b"\x00\x00\x00\xff\xff"
    upload = Upload(gzip.compress(b"")[:10], *[empty_block * 200] * 300, ends=False)

    with pytest.raises(InvalidRequestError) as refused:
        await read_text(GZIP, upload.receive)

    assert refused.value.reason == "VALIDATION_ERROR"
    assert upload.read < 300


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"{}", id="not compressed"),
        pytest.param(b"", id="nothing"),
        pytest.param(gzip.compress(b"{}")[:-1], id="cut short"),
        pytest.param(gzip.compress(b"{}") + b"{}", id="something behind"),
        pytest.param(gzip.compress(b"{}")[:-8] + bytes(8), id="wrong checksum"),
        pytest.param(zlib.compress(b"{}"), id="another frame"),
    ],
)
async def test_broken_compression_is_refused(body: bytes) -> None:
    """ID-233: broken compression is a bad request."""
    with pytest.raises(InvalidRequestError) as refused:
        await read_text(GZIP, Upload(body).receive)

    assert refused.value.reason == "BAD_REQUEST"


async def test_a_caller_who_goes_away_is_no_fault() -> None:
    with pytest.raises(ClientDisconnect):
        await read_text([], Upload(b"{", ends=False).receive)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)


@given(st.dictionaries(st.text(), JSON))
def test_an_object_is_read_as_it_was_meant(value: dict[str, object]) -> None:
    """Whoever wrote the JSON: with escapes or without."""
    assert parse_object(orjson.dumps(value)) == parse_object(json.dumps(value).encode()) == value


@given(st.binary(max_size=200))
def test_any_bytes_are_an_object_or_a_bad_request(text: bytes) -> None:
    """Garbage never gets further, and never breaks anything."""
    try:
        value: object = parse_object(text)
    except InvalidRequestError as refused:
        value = refused.reason

    assert value == "BAD_REQUEST" or isinstance(value, dict)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b'{"environment":', id="cut short"),
        pytest.param(b'"text"', id="text"),
        pytest.param(b"null", id="null"),
        pytest.param(b"[{}]", id="list"),
        pytest.param(b"{}{}", id="two"),
        pytest.param(b'{"a":NaN}', id="NaN"),
        pytest.param(b"{'a':1}", id="single quotes"),
        pytest.param(b'{"a":"\xff"}', id="not UTF-8"),
        pytest.param(b'{"a":"\xed\xa0\x80"}', id="a surrogate as bytes"),
        pytest.param('{"a":1}'.encode("utf-16"), id="UTF-16"),
        pytest.param(b"\xef\xbb\xbf{}", id="byte order mark"),
        pytest.param(b'{"a":' * 2_000 + b"1" + b"}" * 2_000, id="deep objects"),
        pytest.param(b"[" * 200_000, id="deep lists"),
        pytest.param(b'["\\ud800"]', id="a lone surrogate in a list"),
        pytest.param(b'{"a":"\\ud800","b":NaN}', id="a lone surrogate and no JSON"),
        pytest.param(b'{"a":"\\ud800","b":' + b"[" * 100_000 + b"]" * 100_000 + b"}", id="deep, too"),
        pytest.param(b'{"a":' + b"9" * 5_000 + b"}", id="a number beyond all bounds"),
    ],
)
def test_what_is_no_json_object_is_a_bad_request(text: bytes) -> None:
    """ID-233: not JSON, not an object, not UTF-8."""
    with pytest.raises(InvalidRequestError) as refused:
        parse_object(text)

    assert refused.value.reason == "BAD_REQUEST"


@pytest.mark.parametrize(
    "text",
    [b'{"a":"\\ud800"}', b'{"a":["x\\udfffy"]}', b'{"\\udc00":1}', b'{"a":"\\ud83d\\u0041"}'],
)
def test_a_lone_surrogate_is_invalid(text: bytes) -> None:
    """ID-233: it is JSON, but no text."""
    with pytest.raises(InvalidRequestError) as refused:
        parse_object(text)

    assert refused.value.reason == "VALIDATION_ERROR"


def test_a_pair_of_surrogates_is_a_character() -> None:
    assert parse_object(b'{"a":"\\ud83d\\ude00"}') == {"a": "\U0001f600"}
