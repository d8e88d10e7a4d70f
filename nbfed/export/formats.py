"""Write a model as ONNX or TorchScript, and try the file against the model."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from nbfed.export.example import ROWS, Form, made
from nbfed.export.model import ExportError

# What single precision leaves of sums that are done in another order.
_RELATIVE, _ABSOLUTE = 1e-3, 1e-4


def write_onnx(model: nn.Module, forms: Sequence[Form], file: Path) -> str:
    """Write ONNX, with any number of rows where the model allows it; say how it was checked.

    The file is evaluated by onnx's own reference, for two numbers of rows.
    """
    try:
        import onnx
        import onnxscript  # noqa: F401 (the exporter's)
        from onnx.reference import ReferenceEvaluator
    except ImportError as error:
        hint = "pip install 'nbfed[export]'"
        raise ExportError(f"--format onnx needs {error.name}", hint) from None
    free = _onnx(model, forms, file, dynamic=True)
    if not free:
        _onnx(model, forms, file, dynamic=False)
    onnx.checker.check_model(str(file))

    evaluator = ReferenceEvaluator(str(file))

    def run(inputs: tuple[Tensor, ...]) -> list[Tensor]:
        given = {
            name: each.numpy() for name, each in zip(evaluator.input_names, inputs, strict=True)
        }
        return [torch.from_numpy(each) for each in evaluator.run(None, given)]

    return _checked(model, forms, run, free=free, by="onnx's reference evaluator")


def _onnx(model: nn.Module, forms: Sequence[Form], file: Path, *, dynamic: bool) -> bool:
    rows = torch.export.Dim("rows", min=1)
    shapes = tuple({0: rows} for _ in forms) if dynamic else None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            torch.onnx.export(
                model,
                made(forms),
                file,
                dynamo=True,
                dynamic_shapes=shapes,
                input_names=[f"input{number or ''}" for number in range(len(forms))],
                external_data=False,
                verbose=False,
            )
    except Exception as error:
        if dynamic:
            return False
        cause = str(error).strip().splitlines() or [type(error).__name__]
        raise ExportError(
            f"torch cannot export this model to ONNX: {cause[0]}",
            "`nbfed --debug export ...` shows all of it; --format torchscript may do",
        ) from error
    return True


def write_torchscript(model: nn.Module, forms: Sequence[Form], file: Path) -> str:
    """Write TorchScript, traced; say how it was checked."""
    with warnings.catch_warnings():
        # torch would have everybody use torch.export, whose files C++ and mobiles do not read.
        warnings.simplefilter("ignore")
        try:
            traced = torch.jit.trace(  # type: ignore[no-untyped-call]
                model, made(forms), strict=False, check_trace=False
            )
            torch.jit.save(traced, str(file))
        except Exception as error:
            raise ExportError(
                f"this model cannot be written as TorchScript: {type(error).__name__}",
                "`nbfed --debug export ...` shows why",
            ) from error
        loaded = torch.jit.load(str(file))  # type: ignore[no-untyped-call]

    def run(inputs: tuple[Tensor, ...]) -> list[Tensor]:
        return _flat(loaded(*inputs))

    return _checked(model, forms, run, free=True, by="torch.jit.load")


WRITERS: Mapping[str, Callable[[nn.Module, Sequence[Form], Path], str]] = {
    "onnx": write_onnx,
    "torchscript": write_torchscript,
}


def _checked(
    model: nn.Module,
    forms: Sequence[Form],
    run: Callable[[tuple[Tensor, ...]], list[Tensor]],
    *,
    free: bool,
    by: str,
) -> str:
    largest = 0.0
    for rows in (ROWS, ROWS + 1) if free else (ROWS,):
        inputs = made(forms, rows)
        with torch.no_grad():
            largest = max(largest, _difference(_flat(model(*inputs)), run(inputs), by))
    allowed = "any number of rows" if free else f"{ROWS} rows alone: the model fixes their number"
    return f"agrees with torch by {by} (largest difference {largest:.1e}), for {allowed}"


def _difference(wanted: Sequence[Tensor], found: Sequence[Tensor], by: str) -> float:
    if len(wanted) != len(found):
        raise ExportError(f"the file gives {len(found)} results, the model {len(wanted)}")
    largest = 0.0
    for ours, theirs in zip(wanted, found, strict=True):
        if ours.shape != theirs.shape or not torch.allclose(
            ours.double(), theirs.double(), rtol=_RELATIVE, atol=_ABSOLUTE, equal_nan=True
        ):
            raise ExportError(
                f"the file does not give what the model gives (tried by {by})",
                "a model whose steps depend on its input's values cannot be exported like this",
            )
        if ours.numel():
            largest = max(largest, float((ours.double() - theirs.double()).abs().max()))
    return largest


def _flat(value: Any) -> list[Tensor]:
    if isinstance(value, Tensor):
        return [value]
    if isinstance(value, Mapping):
        value = value.values()
    if isinstance(value, list | tuple) or hasattr(value, "__iter__"):
        return [each for part in value for each in _flat(part)]
    raise ExportError(f"the model returns a {type(value).__name__}, which no export can hold")
