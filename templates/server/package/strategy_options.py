"""The strategies by name, and the options that each has, checked without Flower or torch."""

from __future__ import annotations

import difflib
import math
from collections.abc import Mapping
from dataclasses import dataclass


class StrategyError(ValueError):
    """A strategy's name, option or value that cannot be used, in one line.

    ``option`` is the one that is wrong, spelled as it was given, "" where there is none.
    """

    def __init__(self, text: str, option: str = "") -> None:
        super().__init__(text)
        self.option = option


@dataclass(frozen=True)
class Option:
    """A number from ``least`` to ``most``, or above/below them where ``open_``; or a text."""

    type: type[int] | type[float] | type[str] = float
    least: float = -math.inf
    most: float = math.inf
    open_least: bool = False
    open_most: bool = False
    required: bool = False

    def accepts(self, value: object) -> bool:
        """Say whether ``value`` may be given."""
        if self.type is str:
            return isinstance(value, str) and bool(value)
        allowed = (int, float) if self.type is float else (int,)
        if isinstance(value, bool) or not isinstance(value, allowed) or not math.isfinite(value):
            return False
        above = value > self.least if self.open_least else value >= self.least
        return above and (value < self.most if self.open_most else value <= self.most)

    @property
    def wanted(self) -> str:
        """What the option has to be, in words."""
        if self.type is str:
            return "a text"
        number = "a whole number" if self.type is int else "a number"
        if math.isinf(self.least) and math.isinf(self.most):
            return number
        if math.isinf(self.most):
            return f"{number} {'above' if self.open_least else 'of at least'} {self.least:g}"
        low = f"{'(' if self.open_least else '['}{self.least:g}"
        return f"{number} in {low}, {self.most:g}{')' if self.open_most else ']'}"


_POSITIVE = Option(least=0, open_least=True)
_NOT_NEGATIVE = Option(least=0)
_DECAY = Option(least=0, most=1, open_most=True)
_SITES = Option(int, least=0)
_ADAPTIVE = {"eta": _POSITIVE, "eta_l": _POSITIVE, "tau": _POSITIVE}
_MOMENTS = {**_ADAPTIVE, "beta_1": _DECAY, "beta_2": _DECAY}

# The names in federation.yaml, each with its own options, which are those of Flower's class.
STRATEGIES: dict[str, dict[str, Option]] = {
    "fedavg": {},
    "fedavgm": {"server_learning_rate": _POSITIVE, "server_momentum": _DECAY},
    "fedadam": _MOMENTS,
    "fedyogi": _MOMENTS,
    "fedadagrad": _ADAPTIVE,
    "fedprox": {"proximal_mu": Option(least=0, required=True)},
    "fedmedian": {},
    "fedtrimmedavg": {"beta": Option(least=0, most=0.5, open_most=True)},
    "krum": {"num_malicious_nodes": _SITES},
    "multikrum": {"num_malicious_nodes": _SITES, "num_nodes_to_select": Option(int, least=1)},
    "bulyan": {"num_malicious_nodes": _SITES},
    "qfedavg": {
        "client_learning_rate": Option(least=0, open_least=True, required=True),
        "q": _NOT_NEGATIVE,
        "train_loss_key": Option(str),
    },
    "scaffold": {"server_learning_rate": _POSITIVE},
    "fedbn": {},
    "fednova": {},
}

# Of every strategy: the share of the sites that a round trains.
_SHARED = {"fraction_train": Option(least=0, most=1, open_least=True)}


def strategy_key(name: str) -> str:
    """Return the strategy's name as it stands in STRATEGIES; raises StrategyError."""
    key = name.lower().replace("-", "").replace("_", "").replace(" ", "")
    if key not in STRATEGIES:
        raise StrategyError(_unknown(f"strategy {name!r}", key, sorted(STRATEGIES)))
    return key


def checked_options(name: str, options: Mapping[str, object], sites: int = 0) -> dict[str, object]:
    """Return the options by the names that Flower has for them.

    ``sites`` is how many take part, 0 where that is not known. Raises StrategyError.
    """
    key = strategy_key(name)
    known = STRATEGIES[key] | _SHARED
    given: dict[str, object] = {}
    for spelled, value in options.items():
        option = spelled.replace("-", "_")
        if option not in known:
            text = _unknown(f"option {spelled!r} of {key}", option, sorted(known))
            raise StrategyError(text, spelled)
        if not known[option].accepts(value):
            text = f"option {spelled!r} of {key} is {value!r}, but should be {known[option].wanted}"
            raise StrategyError(text, spelled)
        given[option] = value
    for option, rule in known.items():
        if rule.required and option not in given:
            raise StrategyError(f"strategy {key} needs the option {option!r}: {rule.wanted}")
    if sites:
        _check_sites(key, given, sites)
    return given


def _check_sites(key: str, given: Mapping[str, object], sites: int) -> None:
    """Raise StrategyError where a round could not be aggregated, however many sites reply."""
    malicious = given.get("num_malicious_nodes", 0)
    fraction = given.get("fraction_train", 1.0)
    assert isinstance(malicious, int)
    assert isinstance(fraction, int | float)
    trained = max(1, int(sites * fraction))
    # Blanchard et al. 2017 (arXiv:1703.02757) and El Mhamdi et al. 2018 (arXiv:1802.07927).
    needed = {
        "krum": 2 * malicious + 3,
        "multikrum": 2 * malicious + 3,
        "bulyan": 4 * malicious + 3,
    }.get(key, 0)
    if trained < needed:
        raise StrategyError(
            f"strategy {key} with num_malicious_nodes {malicious} needs {needed} sites a round, "
            f"but {trained} {'trains' if trained == 1 else 'train'}"
        )


def _unknown(what: str, word: str, known: list[str]) -> str:
    close = difflib.get_close_matches(word, known, n=1)
    guess = f" (did you mean {close[0]!r}?)" if close else ""
    return f"unknown {what}{guess}; there are: {', '.join(known)}"
