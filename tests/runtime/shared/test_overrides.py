from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest

from tests.runtime.modules import template_module

overrides = template_module("shared/overrides.py")


@dataclass(frozen=True)
class Params:
    LR: float = 0.01
    EPOCHS: int = 2
    AUGMENT: bool = False
    NAME: str = "net"
    LIMIT: int | None = None
    SIZES: list[int] = field(default_factory=lambda: [8, 4])
    SHAPE: tuple[int, int] = (3, 4)
    EXTRA: Any = None


@dataclass(frozen=True)
class SiteConfig:
    DATA_FILE: str
    COLUMNS: list[str]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"LR": 0.5}, 0.5),
        pytest.param({"LR": 1}, 1.0, id="a whole number is a float"),
        ({"EPOCHS": 7}, 7),
        ({"AUGMENT": True}, True),
        ({"NAME": "other"}, "other"),
        ({"LIMIT": 3}, 3),
        ({"LIMIT": None}, None),
        ({"SIZES": [1, 2]}, [1, 2]),
        pytest.param({"SIZES": "[1, 2]"}, [1, 2], id="a list as JSON"),
        pytest.param({"SHAPE": [1, 2]}, (1, 2), id="a list for a tuple"),
        ({"EXTRA": {"a": 1}}, {"a": 1}),
    ],
)
def test_values_that_fit(values: dict[str, Any], expected: Any) -> None:
    (name,) = values
    result = getattr(overrides.overridden(Params(), values, source="the server"), name)
    assert result == expected
    assert type(result) is type(expected)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"LR": "fast"}, "the server sets LR to 'fast', which is not of type float"),
        ({"EPOCHS": 1.5}, "the server sets EPOCHS to 1.5, which is not of type int"),
        ({"EPOCHS": True}, "the server sets EPOCHS to True, which is not of type int"),
        ({"AUGMENT": 1}, "the server sets AUGMENT to 1, which is not of type bool"),
        ({"NAME": 3}, "the server sets NAME to 3, which is not of type str"),
        ({"SIZES": "one"}, "the server sets SIZES to 'one', which is not of type list[int]"),
        ({"LIMIT": "x"}, "the server sets LIMIT to 'x', which is not of type int | None"),
        (
            {"EPOCH": 1},
            "the server sets EPOCH, which the notebook does not have (did you mean EPOCHS?)",
        ),
        (
            {"zzz": 1},
            "the server sets zzz, which the notebook does not have (known: LR, EPOCHS, AUGMENT, "
            "NAME, LIMIT, SIZES, SHAPE, EXTRA)",
        ),
    ],
)
def test_values_that_do_not_fit(values: dict[str, Any], message: str) -> None:
    with pytest.raises(overrides.OverrideError) as caught:
        overrides.overridden(Params(), values, source="the server")
    assert str(caught.value) == message


def test_the_base_keeps_what_is_not_set() -> None:
    base = Params(EPOCHS=9)
    assert overrides.overridden(base, {"LR": 0.1}, source="x") == Params(EPOCHS=9, LR=0.1)
    assert base == Params(EPOCHS=9)


def test_filled_needs_every_field() -> None:
    made = overrides.filled(
        SiteConfig, {"DATA_FILE": "a.csv", "COLUMNS": '["age"]'}, source="site.yaml"
    )
    assert made == SiteConfig("a.csv", ["age"])
    with pytest.raises(overrides.OverrideError, match=r"site\.yaml does not set COLUMNS"):
        overrides.filled(SiteConfig, {"DATA_FILE": "a.csv"}, source="site.yaml")
