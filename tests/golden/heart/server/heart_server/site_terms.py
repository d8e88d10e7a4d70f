"""Strategies that need more of a site than weights: what they ask for, and how it comes back."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable

from flwr.app import ArrayRecord, ConfigRecord, Message, RecordDict
from flwr.serverapp import Grid
from flwr.serverapp.strategy import FedAvg, Strategy

# The key under which a message says what the site's training has to add or to count.
TERM = "local-term"


class WithTerm(FedAvg):
    """A strategy whose messages ask for the local term ``term``; the site knows it by that name."""

    term: str

    def configure_train(
        self, server_round: int, arrays: ArrayRecord, config: ConfigRecord, grid: Grid
    ) -> Iterable[Message]:
        """Ask for the term beside what FedAvg asks for."""
        config[TERM] = self.term
        return super().configure_train(server_round, arrays, config, grid)

    @abstractmethod
    def extra(self, content: RecordDict) -> RecordDict:
        """Take from a site's reply the records that the term adds; raises ReplyError."""


def extra_of(strategy: Strategy, content: RecordDict) -> RecordDict:
    """Return the records of a reply that ``strategy`` needs besides; raises ReplyError."""
    return strategy.extra(content) if isinstance(strategy, WithTerm) else RecordDict()
