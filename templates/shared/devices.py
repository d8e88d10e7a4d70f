"""A machine without a GPU runs what the notebook puts on one.

Notebooks say ``torch.device("cuda:0")`` or ``model.cuda()``, but the server needs no GPU to make a
model, and some hospitals have none. There, whatever names such a device is given the CPU instead.
"""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Any, ParamSpec, TypeVar

import torch
from torch.overrides import TorchFunctionMode

_Parameters = ParamSpec("_Parameters")
_Result = TypeVar("_Result")

_log = logging.getLogger(__package__)


def present_devices() -> AbstractContextManager[object]:
    """Within it, code that asks for a GPU gets the CPU where this machine has none."""
    return nullcontext() if torch.cuda.is_available() else _CpuForCuda()


def on_present_devices(function: Callable[_Parameters, _Result]) -> Callable[_Parameters, _Result]:
    """Run a function within ``present_devices``."""

    @functools.wraps(function)
    def run(*args: _Parameters.args, **kwargs: _Parameters.kwargs) -> _Result:
        with present_devices():
            return function(*args, **kwargs)

    return run


class _CpuForCuda(TorchFunctionMode):
    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Iterable[type],
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        if func is torch.Tensor.cuda:
            _tell()
            return args[0]
        given = [_present(value) for value in args]
        return func(*given, **{name: _present(value) for name, value in (kwargs or {}).items()})


def _present(value: Any) -> Any:
    match value:
        case torch.device(type="cuda"):
            _tell()
            return torch.device("cpu")
        case str() if value == "cuda" or value.startswith("cuda:"):
            _tell()
            return "cpu"
        case _:
            return value


@functools.cache
def _tell() -> None:
    _log.warning("there is no GPU here: what the notebook puts on one runs on the CPU")
