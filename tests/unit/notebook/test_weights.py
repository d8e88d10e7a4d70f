from __future__ import annotations

import json
import subprocess
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

import nbfed
from nbfed.errors import NbfedError, UsageError
from nbfed.template_folder import shared_module


@pytest.fixture(autouse=True)
def _warnings_are_errors() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        yield


def make_run(
    folder: Path,
    weights: dict[str, torch.Tensor],
    *,
    strategy: str = "fedavg",
    exchange: tuple[str, ...] = ("all",),
    params: str = "{}",
) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    config = {"strategy": strategy, "params": params}
    build = {"name": "heart", "exchange": list(exchange), "run_config": config}
    (folder / "build.json").write_text(json.dumps(build))
    (folder / "events.jsonl").write_text("")
    save_file(weights, folder / "model.safetensors")
    return folder


def network(hidden: int = 4) -> nn.Sequential:
    return nn.Sequential(nn.Linear(3, hidden), nn.BatchNorm1d(hidden), nn.Linear(hidden, 1))


def other_weights(model: nn.Module) -> dict[str, torch.Tensor]:
    return {name: torch.full_like(value, 2) for name, value in model.state_dict().items()}


def test_all_entries_are_the_run_s(tmp_path: Path) -> None:
    model = network()
    weights = other_weights(model)
    loaded = nbfed.load(make_run(tmp_path / "run", weights), model)
    assert loaded is model
    for name, value in model.state_dict().items():
        assert torch.equal(value, weights[name]), name


def test_wrapped_models_and_other_types_take_them_too(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", other_weights(network()))
    model = nn.DataParallel(network().to(torch.bfloat16))
    nbfed.load(run, model)
    assert model.module[0].weight.dtype == torch.bfloat16
    assert model.module[0].weight.eq(2).all()


def test_several_modules_go_by_their_names(tmp_path: Path) -> None:
    encoder, head = nn.Linear(3, 2), nn.Linear(2, 1)
    run = make_run(
        tmp_path / "run", other_weights(nn.ModuleDict({"encoder": encoder, "head": head}))
    )
    given = nbfed.load(run, encoder=encoder, head=head)
    assert given == {"encoder": encoder, "head": head}
    assert head.bias.eq(2).all()
    assert nbfed.load(run, {"encoder": nn.Linear(3, 2), "head": head})["encoder"].bias.eq(2).all()


def test_one_module_by_name_is_the_model(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", other_weights(network()))
    model = network()
    nbfed.load(run, model=model)
    assert model[0].bias.eq(2).all()


def test_what_does_not_fit_is_told_all_at_once_and_nothing_changes(tmp_path: Path) -> None:
    weights = other_weights(network())
    del weights["2.bias"]
    weights["3.bias"] = torch.zeros(1)
    run = make_run(tmp_path / "run", weights, params='{"HIDDEN": 4}')
    model = network(hidden=5)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    with pytest.raises(NbfedError) as caught:
        nbfed.load(run, model)
    assert caught.value.message.splitlines() == [
        f"the weights of {run} do not fit this model:",
        "  not in the run (1): 2.bias",
        "  not in the model (1): 3.bias",
        "  of another shape (7): 0.bias is (4,) in the run and (5,) in the model, "
        "0.weight is (4, 3) in the run and (5, 3) in the model, "
        "1.bias is (4,) in the run and (5,) in the model, "
        "1.running_mean is (4,) in the run and (5,) in the model, "
        "1.running_var is (4,) in the run and (5,) in the model, "
        "1.weight is (4,) in the run and (5,) in the model, "
        "2.weight is (1, 4) in the run and (1, 5) in the model",
    ]
    assert "HIDDEN=4" in caught.value.hint
    for name, value in model.state_dict().items():
        assert torch.equal(value, before[name]), name


@pytest.mark.parametrize(
    ("strategy", "exchange", "stays"),
    [
        ("fedbn", ("all",), "1."),
        ("fedavg", ("0.*", "1.*"), "2."),
        ("fedavg", ("trainable",), "2."),
    ],
)
def test_what_stayed_at_the_sites_is_said(
    tmp_path: Path, strategy: str, exchange: tuple[str, ...], stays: str
) -> None:
    model = network()
    weights = {k: v for k, v in other_weights(model).items() if not k.startswith(stays)}
    run = make_run(tmp_path / "run", weights, strategy=strategy, exchange=exchange)
    local = model.state_dict()[f"{stays}weight"].clone()
    with pytest.warns(UserWarning, match=r"never left the sites") as told:
        nbfed.load(run, model)
    assert f"{stays}weight" in str(told[0].message)
    assert told[0].filename == __file__
    assert torch.equal(model.state_dict()[f"{stays}weight"], local)
    assert model[0].weight.eq(2).all()


@pytest.mark.parametrize(
    ("strategy", "exchange"), [("fedbn", ("all",)), ("fedavg", ("0.*", "2.*"))]
)
def test_what_travels_must_be_there_all_the_same(
    tmp_path: Path, strategy: str, exchange: tuple[str, ...]
) -> None:
    weights = {k: v for k, v in other_weights(network()).items() if k != "2.bias"}
    run = make_run(tmp_path / "run", weights, strategy=strategy, exchange=exchange)
    with pytest.raises(NbfedError, match=r"not in the run \(1\): 2\.bias"):
        nbfed.load(run, network())


def test_best_weights_where_they_were_kept(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", other_weights(network()))
    with pytest.raises(NbfedError, match="kept no best weights"):
        nbfed.load(run, network(), best=True)
    best = {name: torch.full_like(value, 3) for name, value in network().state_dict().items()}
    save_file(best, run / "best.safetensors")
    assert nbfed.load(run, network(), best=True)[0].bias.eq(3).all()


@pytest.mark.parametrize("best", [False, True])
def test_a_flipped_bit_is_damage(tmp_path: Path, best: bool) -> None:
    model = network()
    run = make_run(tmp_path / "run", other_weights(model))
    file = run / ("best.safetensors" if best else "model.safetensors")
    exchange = shared_module("exchange")
    exchange.save(file, exchange.arrays_from(model))
    nbfed.load(run, model, best=best)
    whole = file.read_bytes()
    file.write_bytes(whole[:-9] + bytes([whole[-9] ^ 128]) + whole[-8:])
    with pytest.raises(NbfedError) as caught:
        nbfed.load(run, model, best=best)
    assert str(caught.value).startswith(
        f"{file}: damaged, its values are not those that were written"
    )
    assert caught.value.hint == f"{run}/checkpoints holds the weights after the run's last rounds"


def test_the_newest_run_and_one_seed_of_several(tmp_path: Path) -> None:
    make_run(tmp_path / "runs/several/seeds/7", other_weights(network()))
    with pytest.raises(UsageError, match="holds runs of 1 seeds") as caught:
        nbfed.load(tmp_path / "runs/latest", network())
    assert caught.value.hint.endswith("runs/several/seeds/7")
    assert nbfed.load(tmp_path / "runs/several/seeds/7", network())[0].bias.eq(2).all()


@pytest.mark.parametrize("arguments", [(), (3,)])
def test_what_is_no_model(tmp_path: Path, arguments: tuple[object, ...]) -> None:
    run = make_run(tmp_path / "run", {})
    with pytest.raises(UsageError):
        nbfed.load(run, *arguments)  # type: ignore[arg-type]


def test_importing_nbfed_imports_nothing_else() -> None:
    script = (
        "import sys\nbefore = set(sys.modules)\nimport nbfed\n"
        "roots = {name.partition('.')[0] for name in set(sys.modules) - before}\n"
        "print(sorted(roots - sys.stdlib_module_names))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout == "['nbfed']\n"
