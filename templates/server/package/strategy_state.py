"""What a strategy remembers from round to round, such as FedAdam's momenta, as arrays for a file.

Every attribute of a strategy that is made of arrays, numbers and text is kept, in whatever lists
and dictionaries: so a strategy of the notebook's own is kept too.
"""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import torch
from flwr.app import Array, ArrayRecord
from flwr.serverapp.strategy import Strategy

_TREE = "tree"


class _NotKept(TypeError):
    """A value that is not made of arrays, numbers and text."""


def state_of(strategy: Strategy) -> ArrayRecord:
    """Return all that ``strategy`` remembers and that can be kept; see ``lost_of``."""
    arrays: dict[str, Array] = {}
    tree = {}
    for name, value in vars(strategy).items():
        known = len(arrays)
        try:
            tree[name] = _taken_apart(value, arrays)
        except _NotKept:
            for key in list(arrays)[known:]:
                del arrays[key]
    text = np.frombuffer(json.dumps(tree).encode(), dtype=np.uint8)
    return ArrayRecord({_TREE: Array(text.copy()), **arrays})


def restore(strategy: Strategy, state: ArrayRecord) -> None:
    """Give ``strategy`` what ``state_of`` returned for one of its kind."""
    tree = json.loads(state[_TREE].numpy().tobytes())
    for name, branch in tree.items():
        setattr(strategy, name, _put_together(branch, state))


def lost_of(strategy: Strategy) -> list[str]:
    """Return the attributes that start anew with a resumed run; functions remember nothing."""
    lost = []
    for name, value in vars(strategy).items():
        try:
            _taken_apart(value, {})
        except _NotKept:
            if not callable(value):
                lost.append(name)
    return lost


def _taken_apart(value: Any, arrays: dict[str, Array]) -> Any:
    match value:
        case None | bool() | int() | float() | str() if type(value).__module__ == "builtins":
            return {"plain": value}
        case np.ndarray() | np.generic() if value.dtype.kind in "biuf":
            key = str(len(arrays))
            arrays[key] = Array(np.asarray(value))
            return {"array": key, "scalar": isinstance(value, np.generic)}
        case torch.Tensor() if value.layout == torch.strided and value.dtype != torch.bfloat16:
            return {"tensor": _taken_apart(value.detach().cpu().numpy(), arrays)}
        case ArrayRecord():
            parts = {name: array.numpy() for name, array in value.items()}
            return {"record": _taken_apart(parts, arrays)}
        case list() | tuple():
            kind = "list" if isinstance(value, list) else "tuple"
            return {kind: [_taken_apart(item, arrays) for item in value]}
        case dict():
            pairs = [
                [_taken_apart(key, arrays), _taken_apart(item, arrays)]
                for key, item in value.items()
            ]
            return {"dict": pairs}
    raise _NotKept


def _put_together(branch: Any, state: ArrayRecord) -> Any:
    ((kind, content), *rest) = branch.items()
    match kind:
        case "array":
            array = state[content].numpy()
            return array[()] if rest[0][1] else np.array(array)
        case "tensor":
            return torch.from_numpy(_put_together(content, state))
        case "record":
            parts = _put_together(content, state)
            return ArrayRecord({name: Array(array) for name, array in parts.items()})
        case "list":
            return [_put_together(item, state) for item in content]
        case "tuple":
            return tuple(_put_together(item, state) for item in content)
        case "dict":
            return {_put_together(key, state): _put_together(item, state) for key, item in content}
    return content
