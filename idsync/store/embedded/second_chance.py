"""Which nodes leave for room: those that nobody looked at since they were last considered (second chance)."""

from __future__ import annotations

from collections import deque
from typing import Final, Generic, Protocol, TypeVar

__all__ = ["LEFT", "SecondChance"]

LEFT: Final = -1
"""The version of a node that is no longer resident: who still has it sees that it says nothing any more."""


class _Node(Protocol):
    group: int
    used: bool
    version: int


N = TypeVar("N", bound=_Node)


class SecondChance(Generic[N]):
    """Nodes by key, and the order in which they are considered: eight bytes more for each.

    Attributes:
        nodes: For looking; whoever adds a node uses `put`.
    """

    __slots__ = ("_queue", "nodes")

    def __init__(self) -> None:
        self.nodes: dict[int, N] = {}
        self._queue: deque[int] = deque()

    def put(self, key: int, node: N) -> None:
        """Add a node, or put another in the place of one."""
        before = self.nodes.get(key)
        if before is None:
            self._queue.append(key)
        else:
            before.version = LEFT
        self.nodes[key] = node

    def evict(self, keep: int, tables_contain: int) -> list[N]:
        """Take out nodes until `keep` are left, as far as that goes.

        Those that were used stay this time. Those of groups after `tables_contain`, the last that the tables
        contain, stay in any case: they are nowhere else. So at most twice as many are considered as must go.
        """
        nodes, queue, evicted = self.nodes, self._queue, []
        excess = len(nodes) - keep
        for _ in range(min(2 * excess, len(queue))):
            key = queue.popleft()
            node = nodes[key]
            if node.used or node.group > tables_contain:
                node.used = False
                queue.append(key)
            else:
                del nodes[key]
                node.version = LEFT
                evicted.append(node)
                if len(evicted) == excess:
                    break
        return evicted
