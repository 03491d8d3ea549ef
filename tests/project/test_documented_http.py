"""docs/http.md names every path, every cause and every limit of the gateway."""

from __future__ import annotations

import re
from pathlib import Path

from idsync.gateway.event_uploads import MAX_BATCHES
from idsync.gateway.operator import MAX_PAGE, PAGE
from idsync.gateway.payload import MAX_BODY_BYTES
from idsync.gateway.uploads import MAX_BATCH_BYTES
from idsync.model.events import MAX_EVENT_NAME_CHARS
from idsync.pipeline.store.protocol import KEPT_REFUSED
from tests.project.tree import ROOT

PAGE_TEXT = (ROOT / "docs" / "http.md").read_text()


def _sources(*folders: str) -> str:
    return "\n".join(path.read_text() for folder in folders for path in Path(ROOT / folder).rglob("*.py"))


def test_every_path_is_documented() -> None:
    paths = re.findall(r'"(/[\w/{}:.-]+)"', (ROOT / "idsync/gateway/routes.py").read_text())
    written = {path.replace("{alias:alias}", "alias") for path in paths}

    assert len(written) >= 24
    assert [path for path in written if path not in PAGE_TEXT] == []


def test_every_cause_is_documented() -> None:
    causes = set(re.findall(r'cause="(\w+)"', _sources("idsync/gateway", "idsync/pipeline")))

    assert len(causes) >= 11
    assert [cause for cause in causes if f"`{cause}`" not in PAGE_TEXT] == []


def test_every_limit_is_documented() -> None:
    limits = PAGE_TEXT.split("## Limits")[1].split("##")[0]
    written = [
        f"{MAX_BODY_BYTES // 1024} KiB",
        f"{MAX_BATCH_BYTES // 1024} KiB",
        f"| {MAX_BATCHES} |",
        f"{MAX_EVENT_NAME_CHARS} characters",
        f"{PAGE}, at most {MAX_PAGE:,}",
        f"{KEPT_REFUSED:,} of each workspace",
    ]

    assert [limit for limit in written if limit not in limits] == []
