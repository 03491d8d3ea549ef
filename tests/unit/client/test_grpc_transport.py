"""Encryption of the wire."""

from __future__ import annotations

import grpc
import pytest
import trustme

from idsync.client import AsyncClient
from idsync.model.errors import UnavailableError
from idsync.v1 import identity_service_pb2 as identity
from tests.unit.client.peer import Peer


@pytest.fixture
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
async def address(peer: Peer, authority: trustme.CA) -> str:
    """A peer that speaks TLS only."""
    certificate = authority.issue_cert("127.0.0.1")
    chain = b"".join(blob.bytes() for blob in certificate.cert_chain_pems)
    return await peer.start(grpc.ssl_server_credentials([(certificate.private_key_pem.bytes(), chain)]))


async def test_a_peer_of_the_given_authority_is_believed(
    address: str, authority: trustme.CA, peer: Peer
) -> None:
    """`tls_roots` encrypts and checks the certificate."""
    async with AsyncClient.connect(address, tls_roots=authority.cert_pem.bytes()) as client:
        await client.get_caller(identity.GetCallerRequest())

    assert len(peer.seen) == 1


async def test_a_peer_that_does_not_encrypt_is_not_spoken_to(peer: Peer) -> None:
    """`tls` never falls back to plain text."""
    address = await peer.start()
    async with AsyncClient.connect(address, token="op", tls=True, timeout_s=60) as client:
        with pytest.raises(UnavailableError):
            await client.alias(identity.AliasRequest())

    assert peer.seen == []


@pytest.mark.parametrize("trust", ["another authority", "the usual authorities"])
async def test_any_other_peer_is_not(trust: str, address: str, peer: Peer) -> None:
    """Nothing is sent to somebody who cannot show who it is, credentials least of all."""
    roots = trustme.CA().cert_pem.bytes() if trust == "another authority" else None
    async with AsyncClient.connect(address, token="op", tls=True, tls_roots=roots, timeout_s=60) as client:
        with pytest.raises(UnavailableError):
            await client.alias(identity.AliasRequest())

    assert peer.seen == []
