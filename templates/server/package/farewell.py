"""The last word to the sites: how the run has ended.

Without it, a site sees that the run is over and not whether it came to what it was for.
"""

from __future__ import annotations

import time
from contextlib import suppress

from flwr.app import ConfigRecord, Message, MessageType, RecordDict
from flwr.serverapp import Grid

from .pauses import pause
from .settings import CLIENT_DIGEST

ENDED = "ended"

_POLL = 0.05


def say_farewell(grid: Grid, outcome: str, *, seconds: float) -> None:
    """Tell all sites that are there, and give them ``seconds`` at most to take it.

    A site that is busy for longer, and one that has gone, goes without; so do all where the
    SuperLink does not answer any more.
    """
    content = RecordDict({"config": ConfigRecord({"digest": CLIENT_DIGEST, ENDED: outcome})})
    deadline = time.monotonic() + seconds
    with suppress(OSError):
        letters = [
            Message(content, node, MessageType.QUERY, ttl=seconds)
            for node in sorted(grid.get_node_ids())
        ]
        waiting = {message_id for message_id in grid.push_messages(letters) if message_id}
        while waiting and time.monotonic() < deadline:
            for reply in grid.pull_messages(list(waiting)):
                waiting.discard(reply.metadata.reply_to_message_id)
            pause(grid, _POLL)
