"""Metadata and errors survive the way to the owner and back."""

from __future__ import annotations

import pytest

from idsync.model import errors
from idsync.model.errors import IdsyncError, InvalidRequestError, NotFoundError, RateLimitedError
from idsync.server.admission.credentials import Metadata
from idsync.server.fronts.beside import MetadataReader, MetadataWriter, error_from_bytes, error_to_bytes


class TestMetadata:
    @pytest.mark.parametrize(
        "metadata",
        [
            (),
            (("authorization", "Basic a2V5OnNlY3JldA=="),),
            (("authorization", ""), ("authorization", "Key k")),
            (
                ("idsync-date", "d"),
                ("idsync-signed-text-bin", b"\x00\xff" * 5_000),
                ("idsync-signature", "f"),
            ),
            (("authorization", "Key \u00fc\U0001f600\udc80"),),
        ],
    )
    def test_comes_back(self, metadata: Metadata) -> None:
        """Twice, since the second time both sides remember it."""
        writer, reader = MetadataWriter(), MetadataReader()

        assert [reader.read(writer.written(metadata)) for _ in range(2)] == [metadata] * 2

    def test_text_and_bytes_are_told_apart(self) -> None:
        """Only text can be a credential, only bytes a signed text (ID-224)."""
        writer, reader = MetadataWriter(), MetadataReader()
        both = (("authorization", "Key k"),), (("authorization", b"Key k"),)

        assert [reader.read(writer.written(each)) for each in both] == [*both]

    def test_what_the_service_does_not_read_stays_behind(self) -> None:
        written = MetadataWriter().written(
            (("user-agent", "x"), ("authorization", "Key k"), ("x-mp-trace-id", "0" * 16), ("te", "t"))
        )

        assert MetadataReader().read(written) == (("authorization", "Key k"),)

    def test_what_is_remembered_has_a_bound(self) -> None:
        """A caller who writes his credentials anew each time does not fill the memory."""
        writer, reader = MetadataWriter(), MetadataReader()
        for number in range(10_000):
            reader.read(writer.written((("authorization", f"Key {number}"),)))
        reader.read(writer.written((("idsync-signed-text-bin", b"x" * 2_000),)))

        for known in (writer._known, reader._known):
            assert 0 < len(known) <= 4_096
            assert not any(len(str(pairs)) > 2_000 for pairs in known)


class TestErrors:
    @pytest.mark.parametrize(
        "error",
        [
            InvalidRequestError("no", reason="BAD_REQUEST", fields=("a[0].b", "c")),
            RateLimitedError("slow down", limit="app", retry_delay_s=0.25),
            NotFoundError("nobody", rule="link/none"),
            *(getattr(errors, name)("why") for name in errors.__all__ if name != "RateLimitedError"),
        ],
        ids=lambda error: type(error).__name__,
    )
    def test_comes_back(self, error: IdsyncError) -> None:
        """ID-233, ID-236: kind, reason, text, fields, metadata and delay."""
        back = error_from_bytes(error_to_bytes(error))

        assert type(back) is type(error)
        assert (str(back), vars(back)) == (str(error), vars(error))
        assert (back.reason, back.retry_delay_s) == (error.reason, error.retry_delay_s)

    def test_a_kind_from_elsewhere_comes_back_as_the_nearest_of_ours(self) -> None:
        class OddError(NotFoundError):
            pass

        back = error_from_bytes(error_to_bytes(OddError("odd")))

        assert type(back) is NotFoundError
        assert back.message == "odd"
