from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

from nbfed.export.example import from_data, from_shapes, made
from nbfed.export.formats import write_onnx, write_torchscript
from nbfed.export.model import ExportError

torch.set_num_threads(1)


def network() -> nn.Module:
    return nn.Sequential(
        nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Dropout(0.5), nn.Linear(4, 1)
    ).eval()


class Words(nn.Module):
    """Takes indices and gives two results by name."""

    def __init__(self) -> None:
        super().__init__()
        self.words = nn.Embedding(10, 3)

    def forward(self, words: Tensor, scale: float = 1.0) -> dict[str, Tensor]:
        found = self.words(words)
        return {"mean": found.mean(1) * scale, "most": found.amax(1)}


class Fickle(nn.Module):
    """What it computes depends on the values of its input."""

    def forward(self, rows: Tensor) -> Tensor:
        return rows * 2 if len(rows) == 2 else rows * 3


def test_onnx_gives_what_torch_gives_for_any_number_of_rows(tmp_path: Path) -> None:
    file = tmp_path / "model.onnx"
    checked = write_onnx(network(), from_shapes(["1,3"], []), file)
    assert checked.startswith("agrees with torch by onnx's reference evaluator")
    assert checked.endswith("any number of rows")
    import onnx

    (given,) = onnx.load(str(file)).graph.input
    assert given.type.tensor_type.shape.dim[0].dim_param == "rows"


def test_without_the_extra_onnx_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(ExportError, match="needs onnx") as caught:
        write_onnx(network(), from_shapes(["1,3"], []), tmp_path / "model.onnx")
    assert caught.value.hint == "pip install 'nbfed[export]'"


def test_torchscript_takes_indices_and_gives_results_by_name(tmp_path: Path) -> None:
    file = tmp_path / "model.pt"
    model = Words().eval()
    forms = from_shapes(["1,5"], ["int64"])
    with pytest.raises(ExportError, match=r"cannot be written as TorchScript"):
        write_torchscript(nn.Sequential(model, Broken()), forms, file)
    assert write_torchscript(model, forms, file).startswith("agrees with torch by torch.jit.load")


class Broken(nn.Module):
    def forward(self, found: dict[str, Tensor]) -> Tensor:
        raise ValueError("no such thing")


def test_a_file_that_gives_something_else_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ExportError, match="does not give what the model gives"):
        write_torchscript(Fickle(), from_shapes(["1,3"], []), tmp_path / "model.pt")


@pytest.mark.parametrize("shapes", [["1,x"], ["0,3"], [""]])
def test_what_is_no_shape(shapes: list[str]) -> None:
    with pytest.raises(ExportError, match="is no shape"):
        from_shapes(shapes, [])


def test_what_is_no_type() -> None:
    with pytest.raises(ExportError, match="is no type of torch"):
        from_shapes(["1,3"], ["float31"])


@pytest.mark.parametrize(
    ("model", "data"),
    [
        (network(), ["rows", DataLoader(TensorDataset(torch.ones(8, 3), torch.ones(8)), 4)]),
        (network(), [torch.ones(8, 3), torch.ones(8)]),
    ],
)
def test_the_form_of_the_data_is_taken_and_their_values_are_not(
    model: nn.Module, data: list[Any]
) -> None:
    forms = from_data(model, data)
    assert [(shape[1:], dtype) for shape, dtype in forms] == [((3,), torch.float32)]
    assert not made(forms)[0].eq(1).any()


def test_data_that_do_not_tell(tmp_path: Path) -> None:
    with pytest.raises(ExportError, match="do not tell") as caught:
        from_data(network(), [{"x": torch.ones(3)}])
    assert "--input-shape" in caught.value.hint
