"""People who were never heard of before, so that a database with a past makes no difference."""

from __future__ import annotations

from uuid import uuid4

__all__ = ["somebody"]


def somebody() -> dict[str, str]:
    """Invent a customer."""
    name = uuid4().hex
    return {"customerid": f"c-{name}", "email": f"{name}@example.com"}
