"""The answer to "was federating worth it?": never more than the intervals allow."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from nbfed.outcome.results import FEDERATED, OWN, POOLED, Results
from nbfed.progress.display import count
from nbfed.report.comparison import Comparison, Difference, headline_metric
from nbfed.report.intervals import LEVEL
from nbfed.report.numbers import between, number, signed, whole

_NAMES_SHOWN = 5


@dataclass(frozen=True)
class Verdict:
    """``tone`` is "better", "worse", "open" (the figures do not tell) or "none" (not asked)."""

    tone: str
    answer: str
    sentences: tuple[str, ...]


def verdict(results: Results) -> Verdict:
    """What the figures of a simulation allow to say about federating."""
    if not results.metric_names:
        return Verdict("none", "This cannot be told: the notebook evaluates nothing.", ())
    comparison = Comparison(results, headline_metric(results))
    sites = comparison.sites_with(FEDERATED, OWN)
    difference = comparison.difference(FEDERATED, OWN, sites)
    if difference is None:
        return _without_own(comparison)
    tone = _tone(comparison, difference)
    return Verdict(
        tone,
        _answer(comparison, difference, tone),
        (
            _first(comparison, difference, sites),
            *_by_site(comparison, sites),
            *_with_pooled(comparison),
            *_elsewhere(comparison),
        ),
    )


def _tone(comparison: Comparison, difference: Difference) -> str:
    sign = difference.interval.sign if difference.interval else 0
    return {1: "better", -1: "worse"}.get(sign * comparison.measure.better, "open")


def _answer(comparison: Comparison, difference: Difference, tone: str) -> str:
    what = "over these seeds" if not comparison.measure.is_share else "on these test rows"
    if tone == "better":
        return f"Yes, {what}."
    if tone == "worse":
        return f"No, not {what}."
    if difference.interval is None:
        return "One run cannot tell."
    if difference.interval.sign:
        return "It made a difference; whether a good one, the metric's name does not tell."
    if comparison.measure.is_share:
        return "These test rows cannot tell."
    return "These seeds cannot tell."


def _first(comparison: Comparison, difference: Difference, sites: Sequence[str]) -> str:
    federated, own = (comparison.figure(model, sites) for model in (FEDERATED, OWN))
    assert federated and own  # there is a difference of them
    some = "" if len(sites) == len(comparison.results.sites) else f" of {count(len(sites), 'site')}"
    text = (
        f"Over all {whole(difference.rows)} test rows{some}, {comparison.metric} is "
        f"{number(federated[0])} with the federated model and {number(own[0])} with the sites' own "
        f"models, each on its own site's rows: a difference of {signed(difference.value)}"
    )
    if difference.interval is None:
        return (
            f"{text}. There is no interval for it: the metric is not known to be a share of the "
            "rows, and there is one seed. `nbfed simulate --seeds 5` would show how much is chance."
        )
    told = f"{text} ({percent()} interval {between(difference.interval, sign=True)})"
    if difference.interval.sign:
        return f"{told}."
    half = max(
        difference.value - difference.interval.low, difference.interval.high - difference.value
    )
    return (
        f"{told}. That includes zero: it may be chance. With so few rows or seeds, a difference of "
        f"less than about {number(half)} does not show."
    )


def _by_site(comparison: Comparison, sites: Sequence[str]) -> Iterator[str]:
    """Which sites gain or lose, allowing for as many comparisons as there are sites."""
    if not comparison.has_intervals or len(sites) < 2 or not comparison.measure.better:
        return
    level = 1 - (1 - LEVEL) / len(sites)
    found: dict[int, list[str]] = {1: [], -1: []}
    for site in sites:
        each = comparison.difference(FEDERATED, OWN, [site], level)
        if each and each.interval and each.interval.sign:
            found[each.interval.sign * comparison.measure.better].append(site)
    allowing = f"allowing for {len(sites)} comparisons"
    if not any(found.values()):
        yield f"At no single site is the difference beyond chance, {allowing}."
        return
    parts = [
        f"{word} than the own model at {_listed(names)}"
        for sign, word in ((1, "better"), (-1, "worse"))
        if (names := found[sign])
    ]
    yield f"Beyond chance, {allowing}, the federated model is {' and '.join(parts)}."


def _with_pooled(comparison: Comparison) -> Iterator[str]:
    sites = comparison.sites_with(FEDERATED, POOLED)
    difference = comparison.difference(FEDERATED, POOLED, sites)
    pooled = comparison.figure(POOLED, sites)
    if difference is None or pooled is None:
        return
    text = (
        f"A model trained on all data put together, which a federation is there to avoid, comes "
        f"to {number(pooled[0])}: the federated model's difference to it is "
        f"{signed(difference.value)}"
    )
    if difference.interval is None:
        yield f"{text}."
        return
    told = f"{text} ({between(difference.interval, sign=True)})"
    tone = _tone(comparison, difference)
    if tone == "open":
        yield f"{told}; neither is shown to be better."
    else:
        yield f"{told}; it is {tone} by more than chance."


def _elsewhere(comparison: Comparison) -> Iterator[str]:
    """How the own models do on all sites' rows, where they were tried there."""
    owners = [site for site in comparison.results.sites if comparison.elsewhere(site)]
    federated = comparison.figure(FEDERATED, comparison.results.sites)
    figures = [figure[0] for site in owners if (figure := comparison.elsewhere(site))]
    if not federated or len(owners) < 2:
        return
    yield (
        f"Tried on the test rows of all sites, the own models come to {number(min(figures))} to "
        f"{number(max(figures))}, the federated model to {number(federated[0])}."
    )


def _without_own(comparison: Comparison) -> Verdict:
    pooled = tuple(_with_pooled(comparison))
    why = "the sites' own models were not trained here (`--baselines local`)"
    if reason := comparison.results.missing.get(OWN):
        why = f"there are no figures of the sites' own models: {reason}"
    return Verdict("none", "This run does not ask.", (f"{why[0].upper()}{why[1:]}.", *pooled))


def _listed(names: Sequence[str]) -> str:
    if len(names) <= _NAMES_SHOWN:
        return ", ".join(names)
    return f"{', '.join(names[:_NAMES_SHOWN])} and {len(names) - _NAMES_SHOWN} more"


def percent() -> str:
    """The level of the intervals, as words."""
    return f"{LEVEL:.0%}".replace("%", " %")


def method(results: Results, metric: str) -> tuple[str, ...]:
    """How the intervals of a metric were made, and what they leave out."""
    comparison = Comparison(results, metric)
    said = []
    if comparison.measure.is_share:
        said.append(
            f"{metric} is a share of the test rows, so each figure has Wilson's {percent()} "
            "interval, and each difference Newcombe's interval of two such shares. The two models "
            "were tried on the same rows, but sites do not tell which rows a model got right: the "
            "interval is made as if the rows were different ones. As models tend to err on the "
            "same rows, it is as a rule wider than one that knew them."
        )
    else:
        said.append(
            f"{metric} is not known to be a share of the test rows, so its figures have no interval"
            " over rows."
        )
    if comparison.seeds > 1:
        said.append(
            f"Figures are means of {comparison.seeds} seeds, with the sample standard deviation "
            "(±). Differences are taken seed by seed, and their interval is Student's; where there "
            "is one over rows too, the one shown spans both. Seeds show the chance in training, "
            "not that of other patients."
        )
    else:
        said.append(
            "There is one seed: what another start or order of training would change is not in "
            "these intervals."
        )
    if comparison.has_intervals:
        said.append(
            "Differences in bold have an interval without zero. The intervals of a table's single "
            "rows do not allow for there being several of them; the sentences above do."
        )
    return tuple(said)
