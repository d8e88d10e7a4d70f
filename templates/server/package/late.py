"""Replies that come when their round is over: told, and dropped."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

from flwr.serverapp import Grid

_LOOK_SECONDS = 1.0


class LateReplies:
    """The messages whose rounds did not wait for them any longer.

    They were trained from weights that are not the newest ones. An average that took them in
    would depend on when they arrive, and so would the run's result.
    """

    def __init__(self, grid: Grid, emit: Callable[..., None]) -> None:
        self._grid = grid
        self._emit = emit
        self._open: dict[str, tuple[str, int, float]] = {}
        self._looked = 0.0

    def expect(self, messages: Mapping[str, str], server_round: int, sent: float) -> None:
        """Look out for replies to ``messages`` (site by message), sent at a monotonic time."""
        for message_id, site in messages.items():
            self._open[message_id] = (site, server_round, sent)

    def look(self) -> None:
        """Take what has arrived; it does not block."""
        now = time.monotonic()
        if not self._open or now - self._looked < _LOOK_SECONDS:
            return
        self._looked = now
        for message in self._grid.pull_messages(list(self._open)):
            site, server_round, sent = self._open.pop(message.metadata.reply_to_message_id)
            # Otherwise the message has died with the site that had it.
            if not message.has_error():
                seconds = round(now - sent, 3)
                self._emit("late-reply", round=server_round, site=site, seconds=seconds)
