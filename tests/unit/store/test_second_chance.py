"""Who leaves for room: nobody who was looked at, and nothing that is in memory only."""

from __future__ import annotations

from dataclasses import dataclass

from idsync.store.embedded.second_chance import LEFT, SecondChance


@dataclass
class Node:
    name: int
    group: int = 0
    used: bool = False
    version: int = 1


def _filled(*nodes: Node) -> SecondChance[Node]:
    cache: SecondChance[Node] = SecondChance()
    for node in nodes:
        cache.put(node.name, node)
    return cache


def test_those_leave_that_nobody_looked_at() -> None:
    cache = _filled(Node(1, used=True), Node(2), Node(3), Node(4))

    evicted = cache.evict(2, 0)

    assert [node.name for node in evicted] == [2, 3]
    assert set(cache.nodes) == {1, 4}


def test_a_look_protects_once() -> None:
    """The first is considered again when its turn comes, and leaves unless somebody looked meanwhile."""
    cache = _filled(Node(1, used=True), Node(2, used=True))

    first, second = cache.evict(1, 0), cache.evict(1, 0)

    assert [node.name for node in (*first, *second)] == [1]


def test_what_the_tables_do_not_contain_stays() -> None:
    cache = _filled(Node(1, group=3), Node(2, group=4), Node(3, group=4))

    evicted = [*cache.evict(0, 3), *cache.evict(0, 3)]

    assert [node.name for node in evicted] == [1]
    assert set(cache.nodes) == {2, 3}


def test_another_node_of_a_name_takes_its_place_in_the_order() -> None:
    cache = _filled(Node(1), Node(2), Node(1, group=9))

    assert cache.evict(1, 9) == [Node(1, group=9, version=LEFT)]
    assert [node.name for node in cache.evict(0, 9)] == [2]


def test_nobody_leaves_where_there_is_room() -> None:
    assert _filled(Node(1), Node(2)).evict(2, 0) == []


def test_who_has_left_says_so() -> None:
    """Others may still hold the node, and rest on its version."""
    first, second, other = Node(1), Node(2), Node(2, used=True)
    cache = _filled(first, second)
    cache.put(2, other)
    cache.evict(1, 0)

    assert [node.version for node in (first, second, other)] == [LEFT, LEFT, 1]
