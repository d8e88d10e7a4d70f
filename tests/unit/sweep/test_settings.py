from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from nbfed.errors import UsageError
from nbfed.federation.schema import Federation
from nbfed.program import Stage
from nbfed.roles import Role
from nbfed.sweep.axes import Point
from nbfed.sweep.settings import federation_at
from tests.runtime import demo

FEDERATION = Federation.from_text(
    "name: demo\nrounds: 2\nbest: {metric: accuracy}\n"
    "strategy: {name: fedprox, proximal_mu: 0.5}\n"
    "sites:\n" + "".join(f"  {site}: {{params: {{DATA_FILE: x}}}}\n" for site in demo.SITES)
)


def at(**values: Any) -> Federation:
    point = Point({key.replace("__", "."): value for key, value in values.items()})
    return federation_at(point, FEDERATION, demo.program())


def test_a_point_s_values_stand_in_for_the_file_s() -> None:
    found = at(params__LR=0.5, rounds=7)
    assert (found.params, found.rounds) == ({"LR": 0.5}, 7)
    assert found.strategy == FEDERATION.strategy
    assert found.sites == FEDERATION.sites


@pytest.mark.parametrize(
    ("strategy", "options"),
    [
        ("fedprox", {"proximal_mu": 0.5}),
        ("fedavg", {}),
        ({"name": "fedprox", "proximal_mu": 0.1}, {"proximal_mu": 0.1}),
    ],
)
def test_options_of_the_file_are_for_its_own_strategy(
    strategy: Any, options: dict[str, Any]
) -> None:
    assert at(strategy=strategy).strategy.options == options


def test_an_option_of_the_strategy_can_be_varied() -> None:
    assert at(strategy__proximal_mu=0.9).strategy.options == {"proximal_mu": 0.9}


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"strategy": "fedfoo"}, "--set strategy=fedfoo: `strategy.name` is no strategy known"),
        ({"params__LX": 1}, "--set params.LX=1: demo.ipynb has no parameter `LX`"),
        ({"params__LR": "x"}, "must be float, as in the notebook, not str"),
        ({"rounds": 0}, "--set rounds=0: `rounds` must be at least 1"),
        ({"min_sites": 9}, "`min_sites` is 9, but `sites` has 3"),
        ({"params__DATA_FILE": "x"}, "`DATA_FILE` belongs to the sites"),
    ],
)
def test_what_a_federation_yaml_may_not_say_either(values: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError) as caught:
        at(**values)
    assert message in caught.value.message


def test_a_strategy_cell_decides() -> None:
    program = replace(demo.program(), strategy=Stage(Role.STRATEGY, "make_strategy"))
    with pytest.raises(UsageError, match="has a strategy cell, which decides"):
        federation_at(Point({"strategy": "fedavg"}), FEDERATION, program)
