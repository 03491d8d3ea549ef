"""Recorded or simulated traffic, sent to a service in an order that keeps each person's story.

`lines` reads a traffic file (docs/traffic.md), `order` says which line has to wait for which, `pump` sends,
`tally` counts what became of each.
"""

from idsync.client.replay.lines import Line, MalformedLineError, read_line
from idsync.client.replay.pump import Pump
from idsync.client.replay.tally import Refusal, Tally

__all__ = ["Line", "MalformedLineError", "Pump", "Refusal", "Tally", "read_line"]
