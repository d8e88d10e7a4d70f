"""From the sites' weights to the federation's: the strategy's part of a round."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from flwr.app import ArrayRecord, Message
from flwr.app.exception import AppExitException
from flwr.serverapp.strategy import Strategy

from .buffers import optimizes, with_means
from .exchange import ExchangeError, not_finite, restore_dtypes
from .replies import TrainReply, for_strategy


class NoWeights(Exception):
    """The strategy made nothing that the run can go on with; the text says why."""


def aggregate(
    strategy: Strategy,
    number: int,
    replies: Mapping[str, tuple[TrainReply, Message]],
    like: ArrayRecord,
    buffers: Collection[str],
) -> ArrayRecord:
    """Return the weights that ``strategy`` makes of round ``number``; raises NoWeights.

    ``buffers`` are names of entries that are no parameters; see ``with_means``.
    """
    trained = [reply.train.metrics.keys() for reply, _ in replies.values()]
    shared = [name for name in trained[0] if all(name in names for names in trained)]
    for reply, message in replies.values():
        message.content = for_strategy(reply, shared)
    messages = [message for _, message in replies.values()]
    try:
        made, _ = strategy.aggregate_train(number, messages)
        if made is None:
            raise NoWeights(
                f"made no weights of {len(messages)} replies: it needs more sites, or other options"
            )
        if optimizes(strategy):
            made = with_means(made, [reply for reply, _ in replies.values()], buffers)
        arrays = restore_dtypes(made, like)
    except (AppExitException, ExchangeError) as error:
        raise NoWeights(f"failed: {error}") from error
    if name := not_finite(arrays):
        raise NoWeights(f"made weights that are not finite: {name!r}")
    return arrays
