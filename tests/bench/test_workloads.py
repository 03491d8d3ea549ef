"""What is sent says what it claims to say."""

from __future__ import annotations

import orjson

from idsync.v1 import identity_service_pb2 as pb
from tests.bench.http2 import PREFIX_BYTES
from tests.bench.workloads import BATCH, Users


def test_new_users_are_new_and_known_ones_known() -> None:
    """Numbers are scattered one to one, and four in five of the mixed ones exist."""
    users = Users(100)
    known = {users.identify(n) for n in range(100)}
    fresh = [users.messages("new")() for _ in range(1_000)]
    mixed = [users.messages("mixed")() for _ in range(1_000)]

    assert len(set(fresh)) == 1_000
    assert known.isdisjoint(fresh)
    assert 700 < sum(message in known for message in mixed) < 900
    assert {users.messages("repeat")() for _ in range(50)} <= known


def test_a_batch_has_a_hundred_identifies() -> None:
    batch = pb.BatchResolveRequest.FromString(Users(10).messages("batch-new")()[PREFIX_BYTES:])

    assert len(batch.calls) == BATCH
    assert len({call.identify.known_identities[0].value for call in batch.calls}) == BATCH


def test_http_says_the_same_as_grpc() -> None:
    users = Users(10)
    message = pb.IdentifyRequest.FromString(users.identify(3)[PREFIX_BYTES:])
    posted = orjson.loads(users.posted(3))

    assert list(posted["known_identities"].values()) == [i.value for i in message.known_identities]


def test_people_of_one_device_have_it_in_common_and_nothing_else() -> None:
    users = Users(10, first=1_000, device="00000000ffff")
    one, other = (
        [i.value for i in pb.IdentifyRequest.FromString(users.identify(n)[PREFIX_BYTES:]).known_identities]
        for n in (1_000, 1_001)
    )

    assert one[:2] != other[:2]
    assert one[2:] == other[2:]
    assert users.any_known() in range(1_000, 1_010)
    assert users.new() == 1_010
