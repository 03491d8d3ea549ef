"""The names that others may import, as `module.name` lines.

    .venv/bin/python -m tests.project.public_names

prints them; `make names` writes them to public_names.txt, where a change shows in a review.
"""

from __future__ import annotations

import importlib
import pkgutil
from types import ModuleType

PUBLIC = ("idsync.client", "idsync.model", "idsync.store.protocol", "idsync.testing")
"""Packages for users of the service, and for authors of strategies and stores."""


def _public_modules(name: str) -> list[ModuleType]:
    module = importlib.import_module(name)
    below = pkgutil.iter_modules(getattr(module, "__path__", []), prefix=f"{name}.")
    return [module, *(importlib.import_module(info.name) for info in below)]


def public_names() -> list[str]:
    """Collect `__all__` of every public module; one without it promises nothing."""
    modules = [module for package in PUBLIC for module in _public_modules(package)]
    return sorted(
        f"{module.__name__}.{name}" for module in modules for name in getattr(module, "__all__", [])
    )


if __name__ == "__main__":
    print("\n".join(public_names()))  # noqa: T201
