"""A set of digests is a set: held against the one of Python."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from idsync.store.embedded.digest_set import HEAD_BYTES, KEPT_BYTES, DigestSet

HEADS = st.sampled_from([b"\x00\x00", b"\x00\x01", b"\xff\xff"])
# tails that begin and end alike lie across each other in most ways
TAILS = st.one_of(
    st.integers(0, 9).map(lambda n: n.to_bytes(KEPT_BYTES - HEAD_BYTES)),
    st.binary(min_size=KEPT_BYTES - HEAD_BYTES, max_size=KEPT_BYTES - HEAD_BYTES),
)
RESTS = st.binary(max_size=24)
DIGESTS = st.builds(lambda head, tail, rest: head + tail + rest, HEADS, TAILS, RESTS)


def _kept(digest: bytes) -> bytes:
    return digest[:KEPT_BYTES]


@given(written=st.sets(DIGESTS.map(_kept)), added=st.lists(DIGESTS))
def test_whatever_was_put_in_is_there(written: set[bytes], added: list[bytes]) -> None:
    """Read by what they begin with, then added to one by one, as at a start and after it."""
    digests = DigestSet()
    for head in {digest[:HEAD_BYTES] for digest in written}:
        digests.put(head, b"".join(sorted(d[HEAD_BYTES:] for d in written if d[:HEAD_BYTES] == head)))
    for digest in added:
        digests.add(digest)

    assert all(digest in digests for digest in (*written, *added))


@given(st.lists(st.integers(0, 2**64 - 1).map(lambda n: n.to_bytes(KEPT_BYTES)), unique=True))
def test_nothing_else_is_there(digests: list[bytes]) -> None:
    """Of digests that are spread as digests are; each is kept once, however often it comes."""
    half = DigestSet()
    for digest in digests[::2] * 2:
        half.add(digest)

    assert [digest in half for digest in digests] == [at % 2 == 0 for at in range(len(digests))]
    assert len(half) == len(digests[::2])


@given(one=st.lists(DIGESTS), other=st.lists(DIGESTS))
def test_two_sets_become_one(one: list[bytes], other: list[bytes]) -> None:
    """What was added while the tables were read is in what was read, then."""
    digests, more = DigestSet(), DigestSet()
    for digest in one:
        digests.add(digest)
    for digest in other:
        more.add(digest)

    digests.update(more)

    assert all(digest in digests for digest in (*one, *other))
