from __future__ import annotations

import pytest

from nbfed.report.intervals import Interval, newcombe, student, wilson


@pytest.mark.parametrize(
    ("right", "rows", "low", "high"),
    # Newcombe, Statistics in Medicine 17 (1998) 857-872, table I, method 3.
    [
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
        (29, 29, 0.8830, 1.0),
    ],
)
def test_wilson_is_the_published_one(right: int, rows: int, low: float, high: float) -> None:
    found = wilson(right / rows, rows)
    assert (found.low, found.high) == pytest.approx((low, high), abs=6e-5)


@pytest.mark.parametrize(
    ("one", "two", "low", "high"),
    # Newcombe, Statistics in Medicine 17 (1998) 873-890, table II, method 10.
    [
        ((56, 70), (48, 80), 0.0524, 0.3339),
        ((9, 10), (3, 10), 0.1705, 0.8090),
        ((5, 56), (0, 29), -0.0381, 0.1926),
        ((10, 10), (0, 10), 0.6075, 1.0),
    ],
)
def test_newcombe_is_the_published_one(
    one: tuple[int, int], two: tuple[int, int], low: float, high: float
) -> None:
    found = newcombe(one[0] / one[1], one[1], two[0] / two[1], two[1])
    assert (found.low, found.high) == pytest.approx((low, high), abs=6e-5)


@pytest.mark.parametrize(
    ("level", "freedom", "t"),
    [(0.95, 1, 12.7062), (0.95, 4, 2.77645), (0.99, 4, 4.60409), (0.99, 30, 2.75)],
)
def test_student_has_the_quantiles_of_the_tables(level: float, freedom: int, t: float) -> None:
    # n values of which half are 1 and half -1, or one 0 between them, have a known deviation.
    n = freedom + 1
    values = [1.0] * (n // 2) + [-1.0] * (n // 2) + [0.0] * (n % 2)
    deviation = (2 * (n // 2) / freedom) ** 0.5
    found = student(values, level)
    assert found is not None
    assert found.high == pytest.approx(t * deviation / n**0.5, rel=1e-4)
    assert found.low == pytest.approx(-found.high)


@pytest.mark.parametrize("values", [[], [0.5], [0.5, float("nan")]])
def test_too_few_values_have_no_interval(values: list[float]) -> None:
    assert student(values) is None


@pytest.mark.parametrize(
    ("low", "high", "sign"), [(0.1, 0.2, 1), (-0.2, -0.1, -1), (-0.1, 0.1, 0), (0.0, 0.1, 0)]
)
def test_an_interval_with_zero_has_no_sign(low: float, high: float, sign: int) -> None:
    assert Interval(low, high).sign == sign
