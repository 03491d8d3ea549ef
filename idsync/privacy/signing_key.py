"""The key that signs receipts, and the one derived from it that stands for values which are gone."""

from __future__ import annotations

import hmac
import os
from hashlib import sha256
from pathlib import Path
from typing import Final

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from idsync.model.errors import NoSigningKeyError
from idsync.model.identity import GraphKey, Identity

__all__ = ["SigningKey", "key_at", "key_made_at"]

_FOR_VALUES: Final = b"idsync: digests of erased values"


class SigningKey:
    """An Ed25519 key.

    Attributes:
        key_id: The first 16 hexadecimal digits of the SHA-256 of the public key.
    """

    def __init__(self, private: Ed25519PrivateKey | None = None) -> None:
        """Use a key, or make one that is gone with the process."""
        self._private = Ed25519PrivateKey.generate() if private is None else private
        self._public = self._private.public_key()
        raw = self._private.private_bytes(Encoding.Raw, PrivateFormat.Raw, NoEncryption())
        self._for_values = hmac.digest(raw, _FOR_VALUES, "sha256")
        self.key_id = sha256(self._public.public_bytes(Encoding.Raw, PublicFormat.Raw)).hexdigest()[:16]

    def sign(self, statement: bytes) -> bytes:
        """Give the signature, 64 bytes; the same each time."""
        return self._private.sign(statement)

    def has_signed(self, statement: bytes, signature: bytes) -> bool:
        """Say whether a signature is this key's."""
        try:
            self._public.verify(signature, statement)
        except InvalidSignature:
            return False
        return True

    def digest(self, erasure_id: str, graph: GraphKey, identity: Identity) -> str:
        """Give what stands for a value once it is gone, as 64 hexadecimal digits.

        Nobody without the key can try values on it, and no two erasures have the same for one value.
        """
        parts = (erasure_id, graph.scope, str(int(graph.environment)), identity.type.wire_name)
        said = b"".join(b"%d:%b" % (len(part.encode()), part.encode()) for part in parts)
        return hmac.digest(self._for_values, said + identity.value.encode(), "sha256").hex()

    def pem(self) -> bytes:
        """Give the key as it is kept."""
        return self._private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def key_at(path: Path) -> SigningKey:
    """Read a key.

    Raises:
        NoSigningKeyError: The file cannot be read, or holds no Ed25519 key without a password.
    """
    private: object
    try:
        private = load_pem_private_key(path.read_bytes(), password=None)
    except OSError as error:
        raise NoSigningKeyError(f"the signing key {path} cannot be read: {error.strerror}") from error
    except (TypeError, ValueError, UnsupportedAlgorithm):
        private = None
    if not isinstance(private, Ed25519PrivateKey):
        raise NoSigningKeyError(f"{path} is no Ed25519 private key in PEM without a password")
    return SigningKey(private)


def key_made_at(path: Path) -> SigningKey:
    """Read a key, which is made if there is none, for the owner's eyes only.

    Raises:
        NoSigningKeyError: The folder cannot be written, or as for `key_at`.
    """
    if not path.exists():
        try:
            _keep(path, SigningKey().pem())
        except FileExistsError:
            pass
        except OSError as error:
            raise NoSigningKeyError(f"the signing key {path} cannot be kept: {error.strerror}") from error
    return key_at(path)


def _keep(path: Path, pem: bytes) -> None:
    beside = path.with_suffix(f".{os.getpid()}")
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(pem)
            file.flush()
            os.fsync(file.fileno())
        # whole or not at all, and never over one that somebody else has made meanwhile
        os.link(beside, path)
    finally:
        beside.unlink()
