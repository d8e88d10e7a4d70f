"""What a federation's strategy adds to this site's training, without a change to its code.

While the notebook's code trains, torch calls the hooks below around every step of every optimizer.
Before a step they add the strategy's terms to the gradients of the parameters that travel; after
it the gradients are again those that the code computed. The optimizer's own state, momentum say,
is its own affair.

FedProx (Li et al. 2020, arXiv:1812.06127, equation 2): mu (w - w_t), the gradient of the proximal
term mu/2 |w - w_t|^2, where w_t are the weights that the round began with.

SCAFFOLD (Karimireddy et al. 2020, arXiv:1910.06378, Algorithm 1): c - c_i, the difference of the
server's control variate and this site's. After the round c_i becomes, by the paper's option II,
c_i - c + (x - y_i) / (K lr). For plain SGD that is the mean of the gradients of the K steps; here
it is computed as that mean, which is a gradient whatever the optimizer and its learning rates.

FedNova (Wang et al. 2020, arXiv:2007.07481, section 4.1): counts |a_i|_1, the number of steps, or
with momentum rho the sum over the steps of m <- rho m + 1.
"""

from __future__ import annotations

from types import TracebackType
from typing import Any, Self

import numpy as np
import torch
from flwr.app import Array, ArrayRecord
from torch.optim.optimizer import (
    Optimizer,
    register_optimizer_step_post_hook,
    register_optimizer_step_pre_hook,
)

from .array_bytes import value_of
from .exchange import plain_names
from .failures import Refusal

SCAFFOLD, FEDNOVA = "scaffold", "fednova"
_TERMS = ("", SCAFFOLD, FEDNOVA)


class LocalTerms:
    """A context manager around one round's training of ``model``.

    ``start`` are the weights that the round begins with, ``proximal`` is FedProx's mu. For
    SCAFFOLD, ``control`` is the server's variate and ``own`` this site's, None before its first
    round. Raises Refusal for a term that this package does not know, or a variate that does not
    fit.
    """

    def __init__(
        self,
        model: torch.nn.Module,
        start: ArrayRecord,
        *,
        term: str = "",
        proximal: float = 0.0,
        control: ArrayRecord | None = None,
        own: ArrayRecord | None = None,
    ) -> None:
        if term not in _TERMS:
            raise Refusal("the server asks for a local term that this package does not know")
        self._term = term
        self._proximal = proximal
        # Only the proximal term needs them, and they are as large as the model.
        self._start = start if proximal else ArrayRecord()
        self._control, self._own = _variates(start, control, own) if term == SCAFFOLD else ({}, {})
        names = plain_names(model)
        self._names = {
            parameter: names[raw]
            for raw, parameter in model.named_parameters()
            if names[raw] in start
        }
        self._sums: dict[str, torch.Tensor] = {}
        self._counts: dict[str, int] = {}
        self._steps: dict[Optimizer, _Steps] = {}
        self._before: dict[torch.nn.Parameter, torch.Tensor] = {}
        # Wrappers like SAM or Lookahead make a step of another optimizer within their own.
        self._depth = 0
        self._handles: list[Any] = []

    def __enter__(self) -> Self:
        if self._term or self._proximal:
            self._handles = [
                register_optimizer_step_pre_hook(self._before_step),
                register_optimizer_step_post_hook(self._after_step),
            ]
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for handle in self._handles:
            handle.remove()

    @property
    def local_steps(self) -> float:
        """FedNova's |a_i|_1, of the optimizer that made most steps; 0 without any."""
        return max((steps.total for steps in self._steps.values()), default=0.0)

    @property
    def counts_steps(self) -> bool:
        """Whether the server asked for ``local_steps``."""
        return self._term == FEDNOVA

    def new_control(self) -> ArrayRecord:
        """Return SCAFFOLD's c_i after this round; empty for another term."""
        # What had no step keeps its own.
        made = dict(self._own)
        for name, total in self._sums.items():
            mean = total / self._counts[name]
            made[name] = mean.detach().cpu().to(torch.float32).numpy()
        return ArrayRecord({name: Array(np.asarray(value)) for name, value in made.items()})

    def control_change(self) -> ArrayRecord:
        """Return by how much c_i changed, which is what the server gets."""
        new = self.new_control()
        return ArrayRecord(
            {name: Array(np.asarray(new[name].numpy() - own)) for name, own in self._own.items()}
        )

    def _before_step(
        self, optimizer: Optimizer, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> tuple[tuple[Any, ...], dict[str, Any]] | None:
        self._depth += 1
        if self._depth > 1 or not self._ours(optimizer):
            return None
        self._steps.setdefault(optimizer, _Steps()).count(optimizer)
        closure = kwargs.get("closure", args[1] if len(args) > 1 else None)
        if closure is None:
            self._add_terms(optimizer)
            return None

        # Such an optimizer asks for the gradients itself, perhaps more than once a step.
        def with_terms() -> object:
            loss = closure()
            self._put_back()
            self._add_terms(optimizer)
            return loss

        return (optimizer,), {"closure": with_terms}

    def _after_step(self, _optimizer: Optimizer, _args: Any, _kwargs: Any) -> None:
        self._depth -= 1
        if not self._depth:
            self._put_back()

    def _ours(self, optimizer: Optimizer) -> list[torch.nn.Parameter]:
        parameters = [p for group in optimizer.param_groups for p in group["params"]]
        return [p for p in parameters if p in self._names]

    @torch.no_grad()
    def _add_terms(self, optimizer: Optimizer) -> None:
        for parameter in self._ours(optimizer):
            gradient = parameter.grad
            if gradient is None:
                continue
            name = self._names[parameter]
            changed = gradient.to_dense() if gradient.is_sparse else gradient.clone()
            if self._term == SCAFFOLD:
                seen = changed.to(torch.float32)
                self._sums[name] = self._sums[name] + seen if name in self._sums else seen.clone()
                self._counts[name] = self._counts.get(name, 0) + 1
                changed += _like(parameter, self._control[name] - self._own[name])
            if self._proximal:
                started = _like(parameter, value_of(self._start[name]).copy())
                changed.add_(parameter - started, alpha=self._proximal)
            self._before[parameter] = gradient
            parameter.grad = changed

    def _put_back(self) -> None:
        for parameter, gradient in self._before.items():
            parameter.grad = gradient
        self._before.clear()


class _Steps:
    """FedNova's |a|_1 of one optimizer."""

    def __init__(self) -> None:
        self._last = 0.0
        self.total = 0.0

    def count(self, optimizer: Optimizer) -> None:
        rho = 0.0
        if isinstance(optimizer, torch.optim.SGD):
            rho = float(optimizer.param_groups[0]["momentum"])
        self._last = rho * self._last + 1.0
        self.total += self._last


def _variates(
    start: ArrayRecord, control: ArrayRecord | None, own: ArrayRecord | None
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the server's and this site's variate as arrays; raises Refusal."""
    floats = {name: a.shape for name, a in start.items() if a.dtype.startswith("float")}
    if control is None or {name: array.shape for name, array in control.items()} != floats:
        raise Refusal("the message's control variate does not fit the weights that came with it")
    server = {name: value_of(array) for name, array in control.items()}
    if any(value.dtype != np.float32 for value in server.values()):
        raise Refusal("the message's control variate is not of float32")
    if own is None or own.keys() != control.keys():
        return server, {name: np.zeros_like(value) for name, value in server.items()}
    return server, {name: array.numpy() for name, array in own.items()}


def _like(parameter: torch.Tensor, value: Any) -> torch.Tensor:
    return torch.from_numpy(np.asarray(value)).to(parameter.device, parameter.dtype)
