"""Who calls: what an input or an operator shows, as metadata (ID-222; the forms are in the proto)."""

from __future__ import annotations

from base64 import b64encode
from dataclasses import dataclass, field
from typing import TypeAlias

from idsync.client.transport import Metadata
from idsync.model.errors import UnauthenticatedError

__all__ = [
    "BasicCredentials",
    "Credentials",
    "DelegateCredentials",
    "KeyCredentials",
    "OperatorCredentials",
    "SignedCredentials",
]


def _header(text: str) -> str:
    # HTTP/2 carries printable ASCII; no key, token or date of ours has anything else.
    if not (text.isascii() and text.isprintable()):
        raise UnauthenticatedError("credentials may hold printable ASCII characters only")
    return text


@dataclass(frozen=True, slots=True)
class BasicCredentials:
    """An input by key and secret (ID-223).

    Raises:
        UnauthenticatedError: The key holds a colon, which would end it.
    """

    key: str
    secret: str = field(repr=False)
    _metadata: Metadata = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if ":" in self.key:
            raise UnauthenticatedError("a key cannot hold a colon")
        pair = f"{self.key}:{self.secret}".encode("utf-8", "surrogatepass")
        value = f"Basic {b64encode(pair).decode('ascii')}"
        object.__setattr__(self, "_metadata", (("authorization", value),))

    def metadata(self) -> Metadata:
        """The pairs to send with a call."""
        return self._metadata


@dataclass(frozen=True, slots=True)
class KeyCredentials:
    """An input by its key alone, where the input allows it (ID-226).

    Raises:
        UnauthenticatedError: The key holds what no header can carry.
    """

    key: str
    _metadata: Metadata = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_metadata", (("authorization", f"Key {_header(self.key)}"),))

    def metadata(self) -> Metadata:
        """The pairs to send with a call."""
        return self._metadata


@dataclass(frozen=True, slots=True)
class SignedCredentials:
    """An input by a signature that somebody else made over an HTTP request (ID-224).

    Attributes:
        key: The input's key.
        date: The Date header as it came (ID-225).
        signature: The signature as it came.
        signed_texts: The texts it may have been made over, one or two.

    Raises:
        UnauthenticatedError: Key, date or signature hold what no header can carry.
    """

    key: str
    date: str
    signature: str = field(repr=False)
    signed_texts: tuple[bytes, ...] = field(repr=False)
    _metadata: Metadata = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        pairs = (
            ("authorization", f"Signature {_header(self.key)}"),
            ("idsync-date", _header(self.date)),
            ("idsync-signature", _header(self.signature)),
            *(("idsync-signed-text-bin", text) for text in self.signed_texts),
        )
        object.__setattr__(self, "_metadata", pairs)

    def metadata(self) -> Metadata:
        """The pairs to send with a call."""
        return self._metadata


@dataclass(frozen=True, slots=True)
class OperatorCredentials:
    """An operator by token.

    Raises:
        UnauthenticatedError: The token holds what no header can carry.
    """

    token: str = field(repr=False)
    _metadata: Metadata = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_metadata", (("authorization", f"Bearer {_header(self.token)}"),))

    def metadata(self) -> Metadata:
        """The pairs to send with a call."""
        return self._metadata


@dataclass(frozen=True, slots=True)
class DelegateCredentials:
    """The pipeline of a service, which works through what an input has sent.

    Its calls are that input's, and are not counted against limits: they were when they came.

    Attributes:
        key: The key of the input.
        token: The one that the service made for its pipeline when it started.
    """

    key: str
    token: str = field(repr=False)
    _metadata: Metadata = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        pair = f"{self.key}:{self.token}".encode("utf-8", "surrogatepass")
        value = f"Delegate {b64encode(pair).decode('ascii')}"
        object.__setattr__(self, "_metadata", (("authorization", value),))

    def metadata(self) -> Metadata:
        """The pairs to send with a call."""
        return self._metadata


Credentials: TypeAlias = (
    BasicCredentials | KeyCredentials | SignedCredentials | OperatorCredentials | DelegateCredentials
)
