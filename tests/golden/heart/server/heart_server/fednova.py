"""FedNova: Wang et al. 2020, arXiv:2007.07481, which averages normalised updates.

A site that makes more local steps would pull the average towards its own optimum; here each
update is divided by the steps that made it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np
from flwr.app import Array, ArrayRecord, ConfigRecord, Message, MetricRecord, RecordDict
from flwr.serverapp import Grid

from .site_terms import WithTerm
from .trip import ReplyError

STEPS = "steps"
_KEY = "local-steps"


class FedNova(WithTerm):
    """x <- x - (sum p_i a_i) * sum p_i (x - y_i) / a_i, with p_i the site's share of the examples.

    a_i is the paper's |a_i|_1: the number of optimizer steps, which momentum makes larger
    (section 4.1). The site counts it.
    """

    term = "fednova"
    _arrays = ArrayRecord()

    def configure_train(
        self, server_round: int, arrays: ArrayRecord, config: ConfigRecord, grid: Grid
    ) -> Iterable[Message]:
        """Remember from where the updates start."""
        self._arrays = arrays
        return super().configure_train(server_round, arrays, config, grid)

    def extra(self, content: RecordDict) -> RecordDict:
        """Take the count of local steps; raises ReplyError."""
        record = content.metric_records.get(STEPS)
        steps = record.get(_KEY) if record else None
        if not isinstance(steps, int | float) or not math.isfinite(steps) or steps <= 0:
            raise ReplyError("its training made no step of an optimizer that fednova could count")
        return RecordDict({STEPS: MetricRecord({_KEY: steps})})

    def aggregate_train(
        self, server_round: int, replies: Iterable[Message]
    ) -> tuple[ArrayRecord | None, MetricRecord | None]:
        """Average the normalised updates."""
        replies = list(replies)
        if not replies:
            return None, None
        steps, examples, trained = [], [], []
        for reply in replies:
            numbers = reply.content.metric_records
            steps.append(float(numbers[STEPS][_KEY]))  # type: ignore[arg-type]
            examples.append(float(numbers["metrics"][self.weighted_by_key]))  # type: ignore[arg-type]
            trained.append(reply.content.array_records["arrays"])
        shares = [count / sum(examples) for count in examples]
        effective = sum(share * count for share, count in zip(shares, steps, strict=True))
        weights = [effective * share / a for share, a in zip(shares, steps, strict=True)]
        made = {}
        for name, array in self._arrays.items():
            start = array.numpy().astype(np.float64)
            step = sum(
                weight * (start - arrays[name].numpy().astype(np.float64))
                for weight, arrays in zip(weights, trained, strict=True)
            )
            made[name] = Array(np.asarray(start - step))
        return ArrayRecord(made), None
