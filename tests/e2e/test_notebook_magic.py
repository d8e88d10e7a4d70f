"""``%load_ext nbfed`` in a real kernel."""

from __future__ import annotations

from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

from tests.e2e.command import SECONDS, environment
from tests.e2e.study import CELLS, write_study

# The model's cell needs the imports; the last cells are those of someone who works with nbfed.
LINES = (
    "%load_ext nbfed",
    "%nbfed check",
    "%nbfed check study.ipynb",
    "%nbfed check other/study.ipynb",
    "%nbfed simulate study.ipynb --rounds 1 --baselines none",
    CELLS[0],
    CELLS[4],
    "import nbfed\nbefore = model[0].weight.clone()\nnbfed.load('runs/latest', model)\n"
    "print(bool((before == model[0].weight).all()))",
    "nbfed.load('runs/latest', nn.Linear(2, 1))",
    "nbfed.results('runs/latest').query(\"phase == 'evaluate'\").shape",
    "%nbfed explain NBF201",
    "%nbfed build study.ipynb --frobnicate",
)


@pytest.fixture(scope="module")
def outputs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Any]]:
    """What each cell showed, by its first line."""
    folder = tmp_path_factory.mktemp("magic")
    write_study(folder)
    broken = [*CELLS[:4], "# nbfed: trian\npass"]
    write_study(folder / "other", broken)
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(each) for each in LINES])
    client = NotebookClient(
        notebook, timeout=SECONDS, allow_errors=True, resources={"metadata": {"path": str(folder)}}
    )
    kept = {key: each for key, each in environment().items() if key != "JPY_SESSION_NAME"}
    client.execute(env=kept)
    return {cell.source: cell.outputs for cell in notebook.cells}


def html(outputs: list[Any]) -> str:
    return "".join(each.data.get("text/html", "") for each in outputs if "data" in each)


def plain(outputs: list[Any]) -> str:
    return "".join(each.data.get("text/plain", "") for each in outputs if "data" in each)


def error(outputs: list[Any]) -> list[str]:
    (found,) = [each for each in outputs if each.output_type == "error"]
    return list(found.traceback)


def test_a_kernel_that_does_not_know_its_notebook(outputs: dict[str, list[Any]]) -> None:
    assert error(outputs["%nbfed check"]) == [
        "error: this kernel does not know its notebook's file",
        "  = hint: name it: %nbfed check study.ipynb",
        "  = hint: notebooks in this folder: study.ipynb",
    ]


def test_check_says_of_which_file_it_speaks(outputs: dict[str, list[Any]]) -> None:
    shown = outputs["%nbfed check study.ipynb"]
    assert "study.ipynb as it was saved at" in html(shown)
    assert "study.ipynb as it was saved at" in plain(shown)


def test_findings_are_html_and_text(outputs: dict[str, list[Any]]) -> None:
    shown = outputs["%nbfed check other/study.ipynb"]
    assert "trian" in html(shown)
    assert "<code>NBF" in html(shown)
    assert "study.ipynb:cell 5" in plain(shown)


def test_a_simulation_ends_with_its_table(outputs: dict[str, list[Any]]) -> None:
    shown = outputs[LINES[4]]
    assert not [each for each in shown if each.output_type == "error"], shown
    assert "round 1 of 1" in html(shown)
    assert "<caption" in html(shown)
    assert "federated" in html(shown)
    assert "accuracy on each site's test set after 1 round" in plain(shown)


def test_the_weights_come_back_into_the_notebook(outputs: dict[str, list[Any]]) -> None:
    (told,) = outputs[LINES[7]]
    assert told.text == "False\n"
    assert error(outputs[LINES[8]])[0].startswith("error: the weights of runs/")
    # Rounds 0 and 1, three sites, one metric.
    assert plain(outputs[LINES[9]]) == "(6, 6)"


def test_other_commands_are_those_of_the_terminal(outputs: dict[str, list[Any]]) -> None:
    assert "NBF201" in html(outputs["%nbfed explain NBF201"])
    assert "frobnicate" in "\n".join(error(outputs["%nbfed build study.ipynb --frobnicate"]))
