"""From the sites' weights to the federation's: the strategy's part of a round."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from flwr.app import Array, ArrayRecord, Message
from flwr.app.exception import AppExitException
from flwr.serverapp import strategy as flower
from flwr.serverapp.strategy import Strategy

from .buffers import optimizes, with_means
from .exchange import ExchangeError, not_finite, only, restore_dtypes
from .replies import TrainReply, for_strategy

# These make of each entry of the model what they make of it, whatever the others are: asked for
# some at a time, they make the same model in little memory.
_ENTRY_BY_ENTRY = (flower.FedAvg, flower.FedProx, flower.FedMedian, flower.FedTrimmedAvg)
_PIECE_BYTES = 8 * 1024 * 1024


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

    ``buffers`` are names of entries that are no parameters; see ``with_means``. The messages
    are left with what the strategy got last.
    """
    shared = _shared_metrics(replies)
    pieces = _pieces(like) if type(strategy) in _ENTRY_BY_ENTRY else [list(like)]
    made: dict[str, Array] = {}
    for names in pieces:
        for reply, message in replies.values():
            message.content = for_strategy(reply, shared, names)
        made |= _aggregate(strategy, number, replies, only(like, names), buffers)
    return ArrayRecord(made)


def _aggregate(
    strategy: Strategy,
    number: int,
    replies: Mapping[str, tuple[TrainReply, Message]],
    like: ArrayRecord,
    buffers: Collection[str],
) -> ArrayRecord:
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


def _pieces(like: ArrayRecord) -> Iterator[list[str]]:
    """Part the names into groups of some megabytes each."""
    piece: list[str] = []
    size = 0
    for name, array in like.items():
        piece.append(name)
        size += len(array.data)
        if size >= _PIECE_BYTES:
            yield piece
            piece, size = [], 0
    if piece:
        yield piece


def _shared_metrics(replies: Mapping[str, tuple[TrainReply, Message]]) -> list[str]:
    trained = [reply.train.metrics.keys() for reply, _ in replies.values()]
    return [name for name in trained[0] if all(name in names for names in trained)]
