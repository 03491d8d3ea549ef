"""Signatures against the published cases (ID-224)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from idsync.model.signing import signature, signature_of, signed_text

CASES: list[dict[str, Any]] = json.loads(
    (Path(__file__).parents[2] / "vectors" / "signature.json").read_text(encoding="utf-8")
)


@pytest.mark.parametrize("case", CASES, ids=[case["id"] for case in CASES])
def test_published_case(case: dict[str, Any]) -> None:
    parts = {name: case[name] for name in ("secret", "method", "date", "path", "body")}

    assert signature(**parts) == case["signature"]


def test_text_and_bytes_are_one() -> None:
    """The body is signed as UTF-8."""
    assert signature("s", "POST", "d", "/p", "ö") == signature("s", "POST", "d", "/p", "ö".encode())


def test_text_has_two_line_feeds() -> None:
    """None between path and body."""
    assert (
        signed_text("POST", "20170712T224127Z", "/v1/login", b"{}") == b"POST\n20170712T224127Z\n/v1/login{}"
    )
    assert len(signature_of("s", b"")) == 64
