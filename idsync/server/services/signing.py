"""Where a service has its signing key from: read, or made, when the first receipt is to be signed."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from idsync.model.errors import NoSigningKeyError

if TYPE_CHECKING:
    from idsync.privacy.signing_key import SigningKey

__all__ = ["KEY_FILE", "Signing"]

KEY_FILE: Final = "privacy-key.pem"
"""The key that is made beside an SQLite file, unless the configuration names another."""
_EVENTS: Final = (
    "Events and attributes that the event pipeline keeps under these MPIDs, and the bodies they came in."
)
_COPIES: Final = "Backups, exports and copies that others took, and what the feed of changes has delivered."
_FILES: Final = "Free pages of the database files, until `idsync db compact` was run."
_SERVER: Final = (
    "Dead rows until VACUUM; the write-ahead log of the server, its archive and its replicas, until they are "
    "recycled."
)


class Signing:
    """Gives the key of one service.

    Args:
        database_url: Of its store.
        key_file: What the configuration names.
    """

    def __init__(self, database_url: str, key_file: Path | None) -> None:
        self._url = database_url
        self._key_file = key_file
        self._key: SigningKey | None = None

    def key(self) -> SigningKey:
        """Give the key.

        Raises:
            NoSigningKeyError: It cannot be read or made, or must be named and is not.
        """
        if self._key is None:
            self._key = self._opened()
        return self._key

    def _opened(self) -> SigningKey:
        # what signs is imported by whoever erases: no start needs it
        from idsync.privacy.signing_key import SigningKey, key_at, key_made_at  # noqa: PLC0415

        if self._key_file is not None:
            return key_at(self._key_file)
        if self._url.startswith("sqlite:///"):
            return key_made_at(Path(self._url.removeprefix("sqlite:///")).with_name(KEY_FILE))
        if self._url == "memory://":
            return SigningKey()
        raise NoSigningKeyError(
            "nothing is erased without a receipt: "
            "name the key that all nodes share, [privacy] signing_key_file"
        )

    def not_reached(self) -> list[str]:
        """Say what an erasure leaves elsewhere."""
        if self._url.startswith("sqlite:///"):
            return [_EVENTS, _COPIES, _FILES]
        return [_EVENTS, _COPIES] if self._url == "memory://" else [_EVENTS, _COPIES, _SERVER]
