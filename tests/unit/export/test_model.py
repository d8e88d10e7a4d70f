from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from nbfed.emit import MANIFEST, Build
from nbfed.export.model import ExportError, run_model
from tests.runtime import demo


@pytest.fixture(autouse=True)
def _modules_go_again() -> Iterator[None]:
    # Other tests leave packages of the same names behind.
    others = {name: each for name, each in sys.modules.items() if name.startswith("demo_")}
    path = list(sys.path)
    for name in others:
        del sys.modules[name]
    yield
    sys.path[:] = path
    for name in [name for name in sys.modules if name.startswith("demo_")]:
        del sys.modules[name]
    sys.modules.update(others)


def written(folder: Path) -> Build:
    build = demo.write_packages(demo.program(), folder)
    (folder / MANIFEST).write_bytes(build.manifest.to_json())
    return build


def make_run(folder: Path, weights: dict[str, torch.Tensor], params: str = "{}") -> Path:
    folder.mkdir()
    build = {"run_config": {"params": params, "strategy": "fedavg"}}
    (folder / "build.json").write_text(json.dumps(build))
    save_file(weights, folder / "model.safetensors")
    return folder


def network(hidden: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Linear(3, hidden), nn.BatchNorm1d(hidden), nn.ReLU(), nn.Dropout(0.1),
        nn.Linear(hidden, 1),
    )  # fmt: skip


def test_the_build_s_own_code_makes_it_with_the_run_s_parameters(tmp_path: Path) -> None:
    build = written(tmp_path)
    trained = network(hidden=7)
    run = make_run(tmp_path / "run", trained.state_dict(), '{"HIDDEN": 7}')
    model = run_model(build.folder, run, best=False)
    rows = torch.randn(4, 3)
    assert torch.equal(model(rows), trained.eval()(rows))
    assert not model.training


def test_weights_that_are_not_all_make_no_model(tmp_path: Path) -> None:
    build = written(tmp_path)
    weights = {k: v for k, v in network(4).state_dict().items() if not k.startswith("1.")}
    with pytest.raises(ExportError, match="5 of the model's 9 entries never left the sites"):
        run_model(build.folder, make_run(tmp_path / "run", weights), best=False)


def test_several_modules_are_no_function(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    both = nn.ModuleDict({"encoder": nn.Linear(3, 2), "head": nn.Linear(2, 1)})
    monkeypatch.setattr("nbfed.export.model._made", lambda _build, _config: both)
    build = written(tmp_path)
    run = make_run(tmp_path / "run", both.state_dict())
    with pytest.raises(ExportError, match=r"several modules \(encoder, head\)"):
        run_model(build.folder, run, best=False)
