"""Whether what a change set rests on still holds, asked of the nodes that were seen."""

from __future__ import annotations

from idsync.model.changes import ChangeSet
from idsync.store.embedded.view import EmbeddedView

__all__ = ["versions_hold"]


def versions_hold(change_set: ChangeSet, view: EmbeddedView) -> bool:
    """Compare the versions of all that a change set names, as far as its view is of the graph as it is.

    What was seen as resident is asked itself: a node that has left says so by its version.
    """
    nodes, graph = view.nodes, view.graph
    for identity, version in change_set.identities.items():
        node = nodes.get(identity)
        if node is None:
            # also one that nobody holds yet, and that has no version therefore, was not there
            if version or graph.seek(identity) is not None:
                return False
        elif node.version != version:
            return False
        else:
            node.used = True
    for mpid, version in change_set.profiles.items():
        profile = view.node(mpid)
        if profile is None or profile.version != version:
            return False
        profile.used = True
    if change_set.overtaken is None:
        return True
    profile = view.node(change_set.mpid)
    return profile is not None and graph.is_overtaken(profile) is change_set.overtaken
