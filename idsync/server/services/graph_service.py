"""GraphService: shows the graph and its history to those who may read; operators take things back."""

from __future__ import annotations

from collections.abc import Callable

from idsync.preview.previewer import Previewer
from idsync.resolve.explain import Explainer
from idsync.resolve.neighborhood import Neighbors
from idsync.resolve.resolver import Resolver
from idsync.server.admission.reach import Reach
from idsync.server.drain import Drain
from idsync.server.services.graph.past import Past
from idsync.server.services.graph.profiles import Profiles
from idsync.server.services.graph.reasons import Reasons
from idsync.server.services.graph.undo import Undo
from idsync.server.services.graph.what_if import WhatIf
from idsync.store.protocol import Store

__all__ = ["GraphService"]


class GraphService(Profiles, Past, Reasons, Undo, WhatIf):
    """Answers operators, and inputs with `may_read` about their own scope; only operators take things back.

    What an input may not see looks to it exactly like what does not exist.
    """

    def __init__(
        self,
        store: Store,
        explainer: Explainer,
        reach: Reach,
        drain: Drain,
        clock: Callable[[], int],
        resolver: Resolver,
        previewer: Previewer,
    ) -> None:
        self._store = store
        self._neighbors = Neighbors(store)
        self._explainer = explainer
        self._reach = reach
        self._drain = drain
        self._clock = clock
        self._resolver = resolver
        self._previewer = previewer
