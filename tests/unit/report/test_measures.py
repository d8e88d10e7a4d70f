from __future__ import annotations

import numpy as np
import pytest

from nbfed.report.measures import measure

WHOLE = [(48 / 91, 91), (0.75, 60), (1.0, 37)]


@pytest.mark.parametrize(
    ("name", "better"),
    [
        ("accuracy", 1),
        ("test_acc", 1),
        ("valAccuracy", 1),
        ("AUC", 1),
        ("test_loss", -1),
        ("error_rate", -1),
        ("rmse", -1),
        ("dice_loss", -1),
        ("temperature", 0),
        ("accumulated", 0),
    ],
)
def test_which_way_is_better(name: str, better: int) -> None:
    assert measure(name, []).better == better


def test_an_accuracy_of_whole_rows_is_a_share() -> None:
    assert measure("accuracy", WHOLE).scale == 1
    single = [(float(np.float32(value)), rows) for value, rows in WHOLE]
    assert measure("accuracy", single).scale == 1


def test_an_accuracy_in_percent_is_a_share_of_a_hundred() -> None:
    assert measure("accuracy", [(100 * value, rows) for value, rows in WHOLE]).scale == 100


@pytest.mark.parametrize(
    ("name", "figures"),
    [
        ("auc", WHOLE),  # no share of the rows, whatever its values
        ("balanced_accuracy", WHOLE),
        ("accuracy", [*WHOLE, (0.7512, 60)]),  # averaged over batches
        ("accuracy", [(-0.1, 10)]),
        ("accuracy", [(0.5, 0), (float("nan"), 10)]),  # nothing to tell it by
        ("accuracy", []),
    ],
)
def test_what_is_not_known_to_be_a_share(name: str, figures: list[tuple[float, int]]) -> None:
    assert not measure(name, figures).is_share
