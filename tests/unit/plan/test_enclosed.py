"""Models and data that functions make belong to the stage of their role."""

from __future__ import annotations

from pathlib import Path

import pytest

from nbfed.plan import plan
from nbfed.program import Origin, Program

from .corpus_enclosed import BY_KEY, ENCLOSED_NOTEBOOKS
from .notebooks import notebook
from .running import run_round


def planned(name: str) -> tuple[Program, set[str]]:
    program, problems = plan(*notebook(ENCLOSED_NOTEBOOKS[name]), {})
    assert program is not None
    return program, {problem.code for problem in problems}


def text(stage: object) -> str:
    return "\n".join(part.text for part in (*stage.module, *stage.body))  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("name", "module"),
    [("main", "model"), ("all_inside", "net"), ("factory_of_several", "net")],
)
def test_the_model_is_made_once_and_training_is_given_it(name: str, module: str) -> None:
    program, codes = planned(name)
    assert "NBF316" in codes
    assert program.model.results == (module,)
    assert f"{module} = Net()" in text(program.model)
    assert "Net()" not in text(program.train)
    given = {argument.name: argument.origin for argument in program.train.arguments}
    assert given[module] is Origin.MODEL
    assert program.train_examples in ("train_loader", "loader")


def test_comments_and_texts_of_a_function_keep_their_place() -> None:
    program, _ = planned("main")
    assert "# one for each run\nmodel = Net()" in text(program.model)
    # The second line of the string begins where its author wrote it.
    assert "print(f'''epoch {epoch}\n    loss {loss}''')" in text(program.train)


def test_data_loaded_in_training_are_loaded_once() -> None:
    program, _ = planned("all_inside")
    assert "rows = Rows(40)" in text(program.data)
    assert program.data.results == ("loader",)


def test_a_stage_has_the_value_that_a_name_had_when_it_ran() -> None:
    program, _ = planned("one_name")
    assert program.data.results == ("loader", "loader_for_train")
    assert (program.train_examples, program.evaluate_examples) == ("loader_for_train", "loader")


def test_a_trainer_that_loads_its_own_data_is_warned_of() -> None:
    program, codes = planned("asks_itself")
    assert "NBF328" in codes
    assert program.train_examples == ""


def test_the_weights_of_the_round_stand_for_the_best() -> None:
    program, codes = planned("best_copy")
    assert "NBF329" in codes
    assert "DataParallel" not in text(program.model)
    assert program.evaluate is not None
    assert "best = model" in text(program.evaluate)


@pytest.mark.parametrize("name", ["one_cell", "one_cell_main"])
def test_a_training_region_may_hold_everything(name: str) -> None:
    program, _ = planned(name)
    assert "train_loader" in program.data.results
    assert program.model.results == ("model",)
    assert "Net()" not in text(program.train)
    assert "train_loss" in program.train.results
    assert ("accuracy" in program.train.results) == (name == "one_cell")
    assert program.train_examples == "train_loader"


def test_modules_of_a_dictionary_travel_by_their_keys(tmp_path: Path) -> None:
    program, problems = plan(*notebook(BY_KEY), {})
    assert (program is None, problems) == (False, [])
    assert program is not None
    assert program.model.results == ("enc", "dec", "models_x")
    assert "models = {'enc': enc, 'dec': dec}\nmodels['x'] = models_x" in text(program.train)
    assert {a.name for a in program.train.arguments} >= set(program.model.results)
    found = run_round(program, {}, tmp_path)
    assert found["before"].keys() == {"accuracy"}


def test_a_model_that_no_region_makes_is_still_missed() -> None:
    unmarked = ENCLOSED_NOTEBOOKS["one_cell"].replace("model = Net()", "model = load(Net)")
    program, problems = plan(*notebook(unmarked), {})
    assert (program, problems) == (None, [])  # the regions' check has said it
