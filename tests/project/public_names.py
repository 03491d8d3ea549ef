"""The names that others may import, as `module.name` lines.

    .venv/bin/python -m tests.project.public_names

prints them; `make names` writes them to public_names.txt, where a change shows in a review.
"""

from __future__ import annotations

import importlib
import pkgutil

FRONTS = (
    "idsync.client",
    "idsync.store.protocol",
    "idsync.testing.store_suite",
    "idsync.testing.strategy_suite",
)
"""Modules for users of the service, and for authors of strategies and stores."""
WHOLE = ("idsync.model",)
"""Packages of which every module is such a one."""


def public_modules() -> list[str]:
    """Name every module that others import from."""
    below = (
        info.name
        for package in WHOLE
        for info in pkgutil.iter_modules(importlib.import_module(package).__path__, prefix=f"{package}.")
    )
    return sorted([*FRONTS, *below])


def public_names() -> list[str]:
    """Collect their `__all__`."""
    return [
        f"{module}.{name}" for module in public_modules() for name in importlib.import_module(module).__all__
    ]


if __name__ == "__main__":
    print("\n".join(public_names()))  # noqa: T201
