"""SCAFFOLD: Karimireddy et al. 2020, arXiv:1910.06378, Algorithm 1 with control variates.

The server's variate c estimates the gradient of all sites, a site's c_i its own. The site adds
c - c_i to its gradients, and sends by how much its c_i has changed.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from flwr.app import Array, ArrayRecord, ConfigRecord, Message, MetricRecord, RecordDict
from flwr.serverapp import Grid

from .array_bytes import value_of
from .exchange import check_like, not_finite
from .site_terms import WithTerm
from .trip import ReplyError

CONTROL = "control"


class Scaffold(WithTerm):
    """x <- x + lr/|S| sum(y_i - x) and c <- c + 1/N sum(c_i+ - c_i), over the sites S that replied.

    N is the number of all sites that took part so far. All sites count alike, as in the paper.
    Every floating entry of the weights has a control variate; that of a buffer stays 0.
    """

    term = "scaffold"

    def __init__(self, *, server_learning_rate: float = 1.0, **options: float) -> None:
        super().__init__(**options)  # type: ignore[arg-type]
        self.server_learning_rate = server_learning_rate
        self.control: ArrayRecord | None = None
        self._sites = 0
        self._arrays = ArrayRecord()

    def configure_train(
        self, server_round: int, arrays: ArrayRecord, config: ConfigRecord, grid: Grid
    ) -> Iterable[Message]:
        """Send the control variate along with the weights."""
        self._arrays = arrays
        self._sites = max(self._sites, len(list(grid.get_node_ids())))
        if self.control is None:
            self.control = _zeros_like(arrays)
        letters = list(super().configure_train(server_round, arrays, config, grid))
        for letter in letters:
            letter.content[CONTROL] = self.control
        return letters

    def extra(self, content: RecordDict) -> RecordDict:
        """Take the change of the site's control variate; raises ReplyError."""
        change = content.array_records.get(CONTROL)
        if change is None or self.control is None:
            raise ReplyError("its reply has no control variate")
        if reason := check_like(change, self.control):
            raise ReplyError(f"its control variate does not fit the model: {reason}")
        if name := not_finite(change):
            raise ReplyError(f"its control variate is not finite: {name!r}")
        return RecordDict({CONTROL: change})

    def aggregate_train(
        self, server_round: int, replies: Iterable[Message]
    ) -> tuple[ArrayRecord | None, MetricRecord | None]:
        """Make the weights and the server's control variate anew."""
        replies = list(replies)
        if not replies or self.control is None:
            return None, None
        changes = [reply.content.array_records[CONTROL] for reply in replies]
        self.control = _moved(self.control, changes, 1 / self._sites, differences=True)
        trained = [reply.content.array_records["arrays"] for reply in replies]
        rate = self.server_learning_rate / len(replies)
        return _moved(self._arrays, trained, rate, differences=False), None


def _zeros_like(arrays: ArrayRecord) -> ArrayRecord:
    floats = {name: array for name, array in arrays.items() if array.dtype.startswith("float")}
    return ArrayRecord(
        {name: Array(np.zeros(array.shape, np.float32)) for name, array in floats.items()}
    )


def _moved(
    arrays: ArrayRecord, others: list[ArrayRecord], rate: float, *, differences: bool
) -> ArrayRecord:
    """Return x + rate * sum(d), where d are ``others``, or how far they are from ``arrays``."""
    moved = {}
    for name, array in arrays.items():
        start = value_of(array).astype(np.float64)
        total = sum(value_of(other[name]).astype(np.float64) for other in others)
        step = total if differences else total - len(others) * start
        value = start + rate * step
        moved[name] = Array(np.asarray(value.astype(_float_type(array.dtype))))
    return ArrayRecord(moved)


def _float_type(dtype: str) -> str:
    return dtype if dtype in ("float32", "float64") else "float64"
