"""Load the weights of a run into the notebook's own model."""

from __future__ import annotations

import json
import warnings
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

import nbfed.engine  # noqa: F401 (settles Flower's environment before it is imported)
from nbfed.errors import NbfedError, UsageError
from nbfed.runs import find_run, seed_runs
from nbfed.template_folder import shared_module

if TYPE_CHECKING:
    from torch import Tensor, nn

MODEL, BEST = "model.safetensors", "best.safetensors"
_SHOWN = 8
_ALL, _TRAINABLE, _FEDBN = "all", "trainable", "fedbn"


@dataclass(frozen=True)
class RunFacts:
    """What a run's build.json says: which entries travel, with which strategy and parameters."""

    strategy: str
    exchange: tuple[str, ...]
    params: Mapping[str, Any]

    @classmethod
    def read(cls, run: Path) -> RunFacts:
        """The facts of the run in this folder; raises NbfedError where it has none."""
        try:
            build = json.loads((run / "build.json").read_text(encoding="utf-8"))
            config = build["run_config"]
            params = json.loads(config["params"])
            return cls(config["strategy"], tuple(build.get("exchange", (_ALL,))), params)
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise NbfedError(f"{run}/build.json is not one of a run: {error}") from None


def load_weights(
    run: str | PathLike[str],
    model: nn.Module | Mapping[str, nn.Module] | None,
    *,
    best: bool,
    modules: Mapping[str, nn.Module],
) -> Any:
    """See ``nbfed.load``."""
    import torch

    given = _given(model, modules)
    folder = single_run(Path(run))
    whole = torch.nn.ModuleDict(dict(given)) if isinstance(given, Mapping) else given
    raw = whole.state_dict()
    state = {
        plain: raw[name] for name, plain in shared_module("exchange").plain_names(whole).items()
    }
    weights = read_weights(folder, best=best)
    facts = RunFacts.read(folder)
    stays = _staying(whole, state, weights, facts)
    if problems := _misfits(state, weights, stays):
        told = "".join(f"\n  {problem}" for problem in problems)
        raise NbfedError(f"the weights of {folder} do not fit this model:{told}", hint=_hint(facts))
    with torch.no_grad():
        for name, value in weights.items():
            state[name].copy_(value)
    if stays:
        _tell_what_stays(folder, stays, len(state), facts)
    return given


def single_run(run: Path) -> Path:
    """The folder of one run; raises UsageError where there is none, or several seeds."""
    folder = find_run(run)
    if seeds := seed_runs(folder):
        hint = f"choose one: {', '.join(map(str, seeds))}"
        raise UsageError(f"{folder} holds runs of {len(seeds)} seeds", hint=hint)
    return folder


def read_weights(run: Path, *, best: bool = False) -> dict[str, Tensor]:
    """The global weights of a run by name; raises NbfedError where it kept none."""
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    exchange = shared_module("exchange")
    file = run / (BEST if best else MODEL)
    try:
        weights = load_file(file)
        # numpy knows not all types, but those of the files that have a checksum.
        if exchange.has_checksum(file):
            exchange.verify(file, {name: value.numpy() for name, value in weights.items()})
        return weights
    except FileNotFoundError:
        if best:
            hint = "`best: {metric: accuracy}` in federation.yaml keeps them"
            raise NbfedError(f"{run} kept no best weights", hint=hint) from None
        hint = "it has not ended, or not even one round of it was finished"
        raise NbfedError(f"{run} has no {MODEL}", hint=hint) from None
    except SafetensorError as error:
        raise NbfedError(f"{file} is not a whole safetensors file: {error}") from None
    except exchange.ExchangeError as error:
        hint = f"{run / 'checkpoints'} holds the weights after the run's last rounds"
        raise NbfedError(str(error), hint=hint) from None


def _given(
    model: nn.Module | Mapping[str, nn.Module] | None, modules: Mapping[str, nn.Module]
) -> nn.Module | Mapping[str, nn.Module]:
    from torch import nn

    if (model is None) == (not modules):
        hint = "nbfed.load(run, model), or nbfed.load(run, encoder=encoder, head=head)"
        raise UsageError("give a model, or modules by their names", hint=hint)
    given = model if model is not None else modules
    if isinstance(given, Mapping) and len(given) == 1:
        (given,) = given.values()  # the names of a single module travel without its own
    parts = given.values() if isinstance(given, Mapping) else [given]
    for part in parts:
        if not isinstance(part, nn.Module):
            raise UsageError(f"{type(part).__name__} is not a torch.nn.Module")
    return given


def _staying(
    model: nn.Module, state: Collection[str], weights: Collection[str], facts: RunFacts
) -> list[str]:
    """Names of the model that are not in the run because they do not travel in it."""
    absent = [name for name in state if name not in weights]
    if _ALL in facts.exchange and facts.strategy != _FEDBN:
        return []
    at_home = set()
    if facts.strategy == _FEDBN:
        at_home = shared_module("travelling").normalisation_names(model)
    if _ALL in facts.exchange:
        return [name for name in absent if name in at_home]
    if _TRAINABLE in facts.exchange:
        # What is trainable was settled at the sites: the model here may be frozen otherwise.
        return absent
    return [
        name
        for name in absent
        if name in at_home or not any(fnmatchcase(name, each) for each in facts.exchange)
    ]


def _misfits(
    state: Mapping[str, Tensor], weights: Mapping[str, Tensor], stays: Collection[str]
) -> list[str]:
    missing = [name for name in state if name not in weights and name not in stays]
    unexpected = [name for name in weights if name not in state]
    shapes = [
        f"{name} is {tuple(value.shape)} in the run and {tuple(state[name].shape)} in the model"
        for name, value in weights.items()
        if name in state and value.shape != state[name].shape
    ]
    found = []
    if missing:
        found.append(f"not in the run ({len(missing)}): {_listed(missing)}")
    if unexpected:
        found.append(f"not in the model ({len(unexpected)}): {_listed(unexpected)}")
    if shapes:
        found.append(f"of another shape ({len(shapes)}): {_listed(shapes)}")
    return found


def _hint(facts: RunFacts) -> str:
    hint = "make the model as the notebook does"
    if facts.params:
        values = ", ".join(f"{name}={value!r}" for name, value in sorted(facts.params.items()))
        hint += f"; the run's parameters differ from the notebook's: {values}"
    return f"{hint}\nseveral modules come by their names: nbfed.load(run, encoder=encoder, ...)"


def _tell_what_stays(run: Path, stays: list[str], total: int, facts: RunFacts) -> None:
    why = "strategy fedbn" if facts.strategy == _FEDBN else f"exchange={','.join(facts.exchange)}"
    warnings.warn(
        f"{total - len(stays)} of the model's {total} entries are those of {run}; {len(stays)} "
        f"are as they were, since they never left the sites ({why}): {_listed(stays)}",
        UserWarning,
        # Of who called nbfed.load.
        stacklevel=4,
    )


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more
