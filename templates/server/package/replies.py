"""Read a site's reply, and refuse what must not get into an average.

One site's NaN, or one array of another shape, would spoil the model of all.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from flwr.app import Array, ArrayRecord, MetricRecord, RecordDict
from flwr.serverapp.strategy import Strategy

from .array_bytes import HALF, array_of, value_of
from .exchange import check_like, not_finite
from .reasons import word
from .site_terms import extra_of
from .trip import ReplyError

EXAMPLES = "num-examples"

# The bounds that the sites keep too; here they hold for any client.
_LARGEST = 3.4e38
_LONGEST_NAME = 64
_MOST_METRICS = 300
_MOST_EXAMPLES = 2**53


@dataclass(frozen=True)
class Numbers:
    """Metrics by name, and the number of examples that they are about."""

    examples: int
    metrics: dict[str, float]


@dataclass(frozen=True)
class TrainReply:
    """A site's round: its weights, how it trained, and how it evaluated the weights it got.

    ``timing`` holds the site's own seconds: ``train_seconds``, ``evaluate_seconds``. ``extra`` is
    what the run's strategy asks for besides.
    """

    arrays: ArrayRecord
    train: Numbers
    evaluation: Numbers | None
    timing: dict[str, float] = field(default_factory=dict)
    extra: RecordDict = field(default_factory=RecordDict)


def read_train_reply(
    content: RecordDict, like: ArrayRecord, strategy: Strategy | None = None
) -> TrainReply:
    """Read and check the reply to a train message; raises ReplyError."""
    arrays = content.array_records.get("arrays")
    if arrays is None:
        raise ReplyError("its reply has no weights")
    if reason := check_like(arrays, like):
        raise ReplyError(f"its weights do not fit the model: {reason}")
    if name := not_finite(arrays):
        raise ReplyError(f"its weights are not finite: {name!r}")
    train = _numbers(content.metric_records.get("metrics"))
    if train.examples < 1:
        raise ReplyError("it trained on no examples")
    weighs_by = getattr(strategy, "train_loss_key", "")
    if math.isnan(train.metrics.get(weighs_by, 0.0)):
        raise ReplyError(f"its {weighs_by!r}, by which the strategy weighs it, is not a number")
    evaluation = content.metric_records.get("evaluation")
    return TrainReply(
        arrays,
        train,
        None if evaluation is None else _numbers(evaluation),
        _timing(content),
        extra_of(strategy, content) if strategy else RecordDict(),
    )


def read_evaluation_reply(content: RecordDict) -> Numbers:
    """Read the reply to an evaluate message; raises ReplyError."""
    return _numbers(content.metric_records.get("metrics"))


def for_strategy(
    reply: TrainReply, shared_metrics: Sequence[str], names: Collection[str]
) -> RecordDict:
    """Return the records that Flower's strategies expect: one of arrays, one of metrics.

    Of the arrays those with these ``names``.
    Those that a strategy of ours asked for besides come along.

    Integers and half-precision floats become wider floats, since strategies compute with the
    types that they get; the exchange module's ``restore_dtypes`` brings the types back.
    """
    arrays = ArrayRecord({name: _widened(reply.arrays[name]) for name in names})
    metrics = {name: reply.train.metrics[name] for name in shared_metrics}
    return RecordDict(
        {
            "arrays": arrays,
            "metrics": MetricRecord({EXAMPLES: reply.train.examples, **metrics}),
            **reply.extra,
        }
    )


def weighted_means(numbers: Mapping[str, Numbers]) -> dict[str, float]:
    """Average each metric over the sites that have it, weighted by their examples.

    A site where it is NaN, as a rate of nothing may be, does not have it. The mean of a metric
    that no site has is NaN.
    """
    means = {}
    for name in _metric_names(numbers):
        having = _having(numbers, name)
        total = sum(n.examples for n in having)
        summed = sum(n.examples * n.metrics[name] for n in having)
        means[name] = summed / total if total else math.nan
    return means


def plain_means(numbers: Mapping[str, Numbers]) -> dict[str, float]:
    """Average each metric over the sites that have it, all sites alike; see above for NaN."""
    means = {}
    for name in _metric_names(numbers):
        values = [n.metrics[name] for n in _having(numbers, name)]
        means[name] = sum(values) / len(values) if values else math.nan
    return means


def _having(numbers: Mapping[str, Numbers], name: str) -> list[Numbers]:
    return [n for n in numbers.values() if not math.isnan(n.metrics.get(name, math.nan))]


def _metric_names(numbers: Mapping[str, Numbers]) -> list[str]:
    return list(dict.fromkeys(name for n in numbers.values() for name in n.metrics))


def _numbers(record: MetricRecord | None) -> Numbers:
    if record is None or EXAMPLES not in record:
        raise ReplyError(f"its reply does not say {EXAMPLES}")
    if len(record) > _MOST_METRICS:
        raise ReplyError(f"its {len(record)} metrics are too many")
    for name, value in record.items():
        if isinstance(value, list):
            raise ReplyError(f"its metric {word(name)!r} is a list, not a number")
        if len(name) > _LONGEST_NAME:
            raise ReplyError(f"its metric {word(name)!r}... has too long a name")
        if abs(value) > _LARGEST:
            raise ReplyError(f"its metric {name!r} is infinite, or too large for a measurement")
    values = {name: float(value) for name, value in record.items() if not isinstance(value, list)}
    examples = values.pop(EXAMPLES)
    if not 0 <= examples <= _MOST_EXAMPLES or examples != int(examples):
        raise ReplyError(f"its {EXAMPLES} is {examples}, no count")
    return Numbers(int(examples), values)


def _timing(content: RecordDict) -> dict[str, float]:
    record = content.metric_records.get("timing")
    if record is None:
        return {}
    return {
        name.replace("-", "_"): float(value)
        for name, value in record.items()
        if not isinstance(value, list) and math.isfinite(value)
    }


def _widened(array: Array) -> Array:
    dtype = np.dtype(array.dtype)
    if dtype.kind in "iub":
        return array_of(value_of(array).astype(np.float64))
    if dtype == np.float16:
        return array_of(value_of(array).astype(np.float32))
    if array.stype == HALF:
        return array_of(value_of(array))
    return array
