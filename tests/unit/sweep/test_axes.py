from __future__ import annotations

import pytest

from nbfed.errors import UsageError
from nbfed.sweep.axes import parse_axes, points


def test_all_combinations_of_the_values() -> None:
    axes = parse_axes(["strategy=fedavg,{name: fedprox, proximal_mu: 0.1}", "params.LR=1e-3,0.1"])
    found = points(axes)
    fedprox = {"name": "fedprox", "proximal_mu": 0.1}
    assert [dict(point.values) for point in found] == [
        {"strategy": "fedavg", "params.LR": 0.001},
        {"strategy": "fedavg", "params.LR": 0.1},
        {"strategy": fedprox, "params.LR": 0.001},
        {"strategy": fedprox, "params.LR": 0.1},
    ]
    assert found[0].label == "strategy=fedavg, params.LR=0.001"
    assert found[3].label == "strategy={name: fedprox, proximal_mu: 0.1}, params.LR=0.1"
    assert found[3].slug == "strategy-name-fedprox-proximal-mu-0.1-LR-0.1"


@pytest.mark.parametrize(
    ("texts", "message", "hint"),
    [
        ([], "nothing to vary", "--set strategy=fedavg,fedprox"),
        (["strategy"], "--set strategy has no values", "for example"),
        (["strategi=fedavg"], "a sweep cannot vary that", "did you mean `strategy`?"),
        (["sites.va.params.X=1"], "a sweep cannot vary that", "params.NAME"),
        (["params=1"], "a sweep cannot vary that", ""),
        (["rounds=1,2", "rounds=3"], "--set rounds comes twice", "in one"),
        (["rounds=1,2,1"], "has a value twice", ""),
        (["params.LR={"], "cannot be read", "for example"),
    ],
)
def test_what_cannot_be_varied(texts: list[str], message: str, hint: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_axes(texts)
    assert message in caught.value.message
    assert hint in caught.value.hint
