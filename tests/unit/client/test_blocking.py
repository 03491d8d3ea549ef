"""The blocking client: the same calls, on a loop and thread of its own."""

from __future__ import annotations

import inspect
import threading
from collections.abc import AsyncIterable, AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor

import grpc
import pytest
from google.protobuf.message import Message

from idsync.client import AsyncClient, Client, GrpcTransport, KeyCredentials, Metadata, RetryPolicy, Rpc
from idsync.client.loop_thread import LoopThread
from idsync.model.errors import ForbiddenError, UnavailableError
from idsync.v1 import graph_service_pb2 as graph
from idsync.v1 import identity_service_pb2 as identity
from tests.unit.client.peer import Peer, Refusal, Silence


@pytest.fixture
def server() -> Iterator[LoopThread]:
    """A loop for the peer, which the test itself has not."""
    server = LoopThread("peer")
    yield server
    server.stop()


@pytest.fixture
def peer(server: LoopThread) -> Iterator[Peer]:
    async def built() -> Peer:
        return Peer()

    peer = server.run(built)
    yield peer
    server.run(peer.stop)


@pytest.fixture
def client(server: LoopThread, peer: Peer) -> Iterator[Client]:
    with Client.connect(server.run(peer.start), key="web", secret="s3cret") as client:
        yield client


def threads() -> set[str]:
    return {thread.name for thread in threading.enumerate()}


def call(mpid: int) -> identity.StreamResolveRequest:
    request = identity.IdentifyRequest(previous_mpid=mpid)
    return identity.StreamResolveRequest(call=identity.ResolveCall(identify=request))


def test_it_has_every_method_of_the_async_client() -> None:
    """Written once: names and documentation are those of `AsyncClient`."""
    public = {name: member for name, member in vars(AsyncClient).items() if not name.startswith("_")}

    assert public.keys() - vars(Client).keys() == set()
    assert [name for name in public if not inspect.getdoc(getattr(Client, name))] == []
    assert inspect.signature(Client.identify) == inspect.signature(AsyncClient.identify)


def test_a_call_waits_for_its_answer(client: Client, peer: Peer) -> None:
    """Arguments pass through, credentials of the client or of the call."""
    peer.answers.extend([identity.IdentifyResponse(mpid=7), identity.LoginResponse(mpid=8)])

    first = client.identify(identity.IdentifyRequest(request_id="r"))
    second = client.login(identity.LoginRequest(), credentials=KeyCredentials("shop"), timeout_s=5)

    assert (first.mpid, second.mpid) == (7, 8)
    shown = [dict(seen.metadata)["authorization"] for seen in peer.seen]
    assert shown == ["Basic d2ViOnMzY3JldA==", "Key shop"]


def test_errors_are_the_same(client: Client, peer: Peer) -> None:
    """Raised in the thread that called."""
    peer.answers.append(Refusal(grpc.StatusCode.PERMISSION_DENIED))

    with pytest.raises(ForbiddenError):
        client.get_caller(identity.GetCallerRequest())


def test_many_threads_share_one_client(client: Client, peer: Peer) -> None:
    """Each gets its own answer, while others wait for theirs."""
    with ThreadPoolExecutor(8) as pool:
        lists = list(
            pool.map(
                lambda n: [r.result.identify.mpid for r in client.stream_resolve([call(n)])], range(1, 33)
            )
        )
        callers = list(pool.map(lambda _: client.get_caller(identity.GetCallerRequest()), range(32)))

    assert lists == [[n] for n in range(1, 33)]
    assert callers == [identity.GetCallerResponse()] * 32


def test_a_watch_is_an_iterator(client: Client, peer: Peer) -> None:
    """A server stream, entry by entry, until the service ends it with an error."""
    peer.answers.append(Refusal(grpc.StatusCode.PERMISSION_DENIED))
    changes = client.watch_changes(graph.WatchChangesRequest(after_seq=4))

    seqs = [next(changes).entry.seq for _ in range(3)]

    assert seqs == [5, 6, 7]
    with pytest.raises(ForbiddenError):
        next(changes)


def test_a_reader_that_leaves_ends_the_stream(client: Client, peer: Peer, server: LoopThread) -> None:
    """The service must not go on for nobody."""
    peer.answers.append(Silence())
    changes = client.watch_changes(graph.WatchChangesRequest())
    next(changes)
    server.run(peer.called.wait)

    changes.close()  # type: ignore[attr-defined]

    assert server.run(peer.given_up.wait)


class Keeping(GrpcTransport):
    """Keeps every stream it opens, so that none ends for being forgotten."""

    def __init__(self, target: str) -> None:
        super().__init__(target)
        self.streams: list[AsyncIterator[Message]] = []

    def stream(
        self, rpc: Rpc, requests: AsyncIterable[Message], metadata: Metadata
    ) -> AsyncIterator[Message]:
        self.streams.append(super().stream(rpc, requests, metadata))
        return self.streams[-1]


def test_a_stream_is_ended_even_if_somebody_keeps_it(peer: Peer, server: LoopThread) -> None:
    """Ending it is not left to the garbage collector."""
    address = server.run(peer.start)
    peer.answers.append(Silence())
    with Client(lambda: AsyncClient(Keeping(address))) as client:
        changes = client.watch_changes(graph.WatchChangesRequest())
        next(changes)
        server.run(peer.called.wait)

        changes.close()  # type: ignore[attr-defined]

        assert server.run(peer.given_up.wait)


def test_requests_of_a_stream_may_block(client: Client) -> None:
    """The next request is made from the answer before, so neither side may wait for the other's end."""
    answered: list[int] = []
    ready = threading.Semaphore(1)

    def requests() -> Iterator[identity.StreamResolveRequest]:
        for _ in range(3):
            assert ready.acquire(timeout=30)
            yield call(len(answered) + 1)

    for answer in client.stream_resolve(requests()):
        answered.append(answer.result.identify.mpid)
        ready.release()

    assert answered == [1, 2, 3]


def test_an_error_of_the_requests_is_raised_to_the_reader(client: Client) -> None:
    """It comes out as it went in."""

    def requests() -> Iterator[identity.StreamResolveRequest]:
        yield call(1)
        raise ValueError("line 2 is no call")

    with pytest.raises(ValueError, match="line 2 is no call"):
        list(client.stream_resolve(requests()))


def test_closing_ends_thread_and_calls(client: Client, peer: Peer, server: LoopThread) -> None:
    """A call of another thread gets an error, at once and not at its deadline."""
    peer.answers.append(Silence())
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(client.identify, identity.IdentifyRequest(), timeout_s=3600)
        server.run(peer.called.wait)

        client.close()

        with pytest.raises(UnavailableError, match="closed"):
            waiting.result(timeout=30)
    assert "idsync-client" not in threads()


def test_closing_ends_a_stream_that_waits_for_its_requests(client: Client) -> None:
    """Requests that never come must not keep the client open."""
    never = threading.Event()

    def requests() -> Iterator[identity.StreamResolveRequest]:
        yield call(1)
        never.wait()

    answers = client.stream_resolve(requests())
    next(answers)

    client.close()

    with pytest.raises(UnavailableError, match="closed"):
        next(answers)
    never.set()


def test_a_closed_client_refuses_calls(client: Client) -> None:
    """Closing twice is closing once."""
    client.close()
    client.close()

    with pytest.raises(UnavailableError, match="closed"):
        client.identify(identity.IdentifyRequest())
    with pytest.raises(UnavailableError, match="closed"):
        next(client.watch_changes(graph.WatchChangesRequest()))


def test_a_client_that_cannot_be_built_leaves_no_thread() -> None:
    """The error of the constructor is raised where the client was asked for."""

    def build() -> AsyncClient:
        raise ForbiddenError("not here")

    with pytest.raises(ForbiddenError):
        Client(build)

    assert "idsync-client" not in threads()


def test_nobody_there_is_unavailable(nobody: str) -> None:
    """The same error as from the async client."""
    retry = RetryPolicy(attempts=1)
    with (
        Client(lambda: AsyncClient(GrpcTransport(nobody), retry=retry)) as client,
        pytest.raises(UnavailableError) as caught,
    ):
        client.get_caller(identity.GetCallerRequest())

    assert caught.value.attempts == 1
