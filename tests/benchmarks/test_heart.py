"""The published protocol: rows, inputs and accuracies, in the plain loop and in the notebook."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import nbformat
import numpy as np
import pytest
import torch

from benchmarks.heart import published, reference, report

EXAMPLE = Path(__file__).parents[2] / "examples" / "heart-disease"
ROWS = dict(
    zip(
        published.HOSPITALS,
        zip(published.TRAIN_ROWS, published.TEST_ROWS, strict=True),
        strict=True,
    )
)


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


def hospital(name: str) -> reference.Hospital:
    return reference.read_hospital(EXAMPLE / "data" / f"{name}.csv")


def run_data_cell(name: str) -> dict[str, Any]:
    """The names that flamby.ipynb's imports, parameters and data cell bind at a hospital."""
    notebook = nbformat.read(EXAMPLE / "flamby.ipynb", as_version=4)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    wanted = [
        cell.source
        for cell in code
        if cell is code[0] or {"nbfed:params", "nbfed:data"} & set(cell.metadata.get("tags", []))
    ]
    source = "\n".join(wanted).replace("data/cleveland.csv", str(EXAMPLE / f"data/{name}.csv"))
    names: dict[str, Any] = {}
    exec(source, names)
    return names


@pytest.mark.parametrize("name", published.HOSPITALS)
def test_rows_are_the_published_ones(name: str) -> None:
    rows = hospital(name)
    assert (len(rows.train), len(rows.test)) == ROWS[name]
    assert not set(rows.train) & set(rows.test)
    assert rows.features.shape == (sum(ROWS[name]), reference.FEATURES)


@pytest.mark.parametrize("name", published.HOSPITALS)
def test_notebook_and_loop_see_the_same_numbers(name: str) -> None:
    cell = run_data_cell(name)
    rows = hospital(name)
    for part, own in ((cell["train_set"], rows.train), (cell["test_set"], rows.test)):
        inputs, labels = rows.rows(own, rows.scale())
        torch.testing.assert_close(part.tensors[0], inputs, rtol=0, atol=0)
        torch.testing.assert_close(part.tensors[1], labels, rtol=0, atol=0)


def test_plain_loop_gives_the_published_answers_of_a_seed() -> None:
    """All but at most one of 254 answers: the order of the rows is not known to the last draw."""
    rounds = reference.fedavg(
        [hospital(name) for name in published.HOSPITALS], 46, nbfed_order=False
    )
    index = published.SEEDS.index(46)
    theirs = report.published_fedavg()[index]
    right = np.rint(np.abs(np.array(rounds[-1]) - theirs) * np.array(published.TEST_ROWS))
    assert len(rounds) == reference.ROUNDS + 1
    assert right.sum() <= 1


def test_published_mean_and_deviation_are_those_of_the_published_answers() -> None:
    mean, deviation = report.spread(report.published_fedavg())
    assert (round(mean, 4), round(deviation, 4)) == published.FEDAVG


def test_answers_apart_counts_rows() -> None:
    theirs = report.published_fedavg()
    ours = theirs.copy()
    ours[0, 2] -= 2 / 16
    ours[3, 0] += 1 / 104
    assert report.answers_apart(ours, theirs) == 3
    assert "3 of 1270 answers differ" in report.line("loop", ours)
    assert "differ" not in report.line("published", theirs)
