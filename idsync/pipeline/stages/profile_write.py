"""Stage 7: what a batch tells becomes part of its user's profile (section 3 of the specification)."""

from __future__ import annotations

from collections.abc import Mapping

from idsync.model.identity import Mpid
from idsync.pipeline.profile.documents import read_document, write_document
from idsync.pipeline.profile.merging import merged, reshaped
from idsync.pipeline.profile.reading import Reading, told_by
from idsync.pipeline.profile.record import WorkspaceProfile
from idsync.pipeline.store.work import DocumentKey

__all__ = ["ProfileWrite"]


class ProfileWrite:
    """The profiles of a group of batches, each read once and written once."""

    def __init__(self, documents: Mapping[DocumentKey, bytes]) -> None:
        """Begin with what the store has of them."""
        self._documents = documents
        self._profiles: dict[DocumentKey, WorkspaceProfile] = {}

    def apply(self, reading: Reading, mpid: Mpid) -> list[str]:
        """Add what one batch tells to the profile it belongs to.

        Returns:
            What was refused or is odd, a word of ours for each.
        """
        key = (mpid, reading.batch.workspace)
        known = self._profiles.get(key)
        if known is None and key in self._documents:
            known = read_document(self._documents[key])
        told, warnings = told_by(reading)
        warnings.extend(["attribute_shape"] * reshaped(known, told))
        self._profiles[key] = merged(known, told)
        return warnings

    def documents(self) -> dict[DocumentKey, bytes]:
        """Give what is to be written."""
        return {key: write_document(profile) for key, profile in self._profiles.items()}
