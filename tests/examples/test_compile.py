"""The notebooks compile without a word, into what their federations say of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from nbfed.compiler import compile_notebook
from nbfed.federation.agreement import require_agreement
from nbfed.federation.schema import Federation
from nbfed.program import Program

ROOT = Path(__file__).parents[2]
HEART = ROOT / "examples" / "heart-disease"
DIGITS = ROOT / "benchmarks" / "digits"
NOTEBOOKS = {
    HEART / "heart.ipynb": HEART / "federation.yaml",
    HEART / "flamby.ipynb": HEART / "flamby.yaml",
    DIGITS / "digits.ipynb": DIGITS / "federation.yaml",
}
METRICS = {
    "heart.ipynb": ({"train_loss"}, {"accuracy", "test_loss"}),
    "flamby.ipynb": ({"train_loss"}, {"accuracy", "test_loss"}),
    "digits.ipynb": (set(), {"accuracy"}),
}


def compiled(path: Path) -> Program:
    compilation = compile_notebook(path.read_bytes(), path.name)
    assert [str(found) for found in compilation.diagnostics if found.severity != "info"] == []
    assert compilation.program is not None
    return compilation.program


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.name)
def test_metrics_are_numbers_and_nothing_else_leaves(path: Path) -> None:
    program = compiled(path)
    assert program.evaluate is not None
    found = (set(program.train.results), set(program.evaluate.results))
    assert found == METRICS[path.name]
    assert set(program.data.results) == {"train_loader", "test_loader"}
    assert program.train_examples == "train_loader"
    assert program.evaluate_examples == "test_loader"


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.name)
def test_the_server_gets_neither_data_nor_paths(path: Path) -> None:
    program = compiled(path)
    assert [key.name for key in program.site] == ["DATA_FILE"]
    text = "".join(
        fragment.text
        for part in (program.model.imports, program.model.module, program.model.body)
        for fragment in part
    )
    assert "DATA_FILE" not in text and "pd." not in text and "read_csv" not in text
    assert set(program.server_imports) == {"torch"}


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.name)
def test_federation_fits_the_notebook(path: Path) -> None:
    file = NOTEBOOKS[path]
    federation = Federation.from_text(file.read_text(encoding="utf-8"), file.name)
    assert federation.notebook == path.name
    require_agreement(federation, compiled(path), file.name, complete=True)
    paths = [path.parent / site.params["DATA_FILE"] for site in federation.sites.values()]
    assert len(set(paths)) == len(paths)
    if path.parent == HEART:
        assert all(path.is_file() for path in paths)


def test_flamby_draws_its_first_weights_from_the_parameter_seed() -> None:
    program = compiled(HEART / "flamby.ipynb")
    assert [argument.name for argument in program.model.arguments] == ["SEED"]
