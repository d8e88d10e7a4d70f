from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbfed.outcome.results import Results
from nbfed.report.comparison import Comparison
from nbfed.report.verdict import method, verdict
from tests.unit.report.studies import studies, study


def test_a_gain_beyond_chance_is_said_with_its_interval() -> None:
    found = verdict(study([400, 100], own=[280, 70], federated=[340, 72], pooled=[342, 73]))
    assert (found.tone, found.answer) == ("better", "Yes, on these test rows.")
    assert found.sentences == (
        "Over all 500 test rows, accuracy is 0.824 with the federated model and 0.700 with the "
        "sites' own models, each on its own site's rows: a difference of +0.124 (95 % interval "
        "+0.071 to +0.176).",
        "Beyond chance, allowing for 2 comparisons, the federated model is better than the own "
        "model at a.",
        "A model trained on all data put together, which a federation is there to avoid, comes to "
        "0.830: the federated model's difference to it is \N{MINUS SIGN}0.006 "
        "(\N{MINUS SIGN}0.053 to +0.041); neither is shown to be better.",
    )


def test_a_loss_beyond_chance_is_said_too() -> None:
    found = verdict(study([400, 100], own=[340, 72], federated=[280, 70]))
    assert (found.tone, found.answer) == ("worse", "No, not on these test rows.")
    assert "worse than the own model at a." in found.sentences[1]


def test_what_may_be_chance_is_not_claimed() -> None:
    found = verdict(study([40, 30], own=[30, 21], federated=[33, 24]))
    assert (found.tone, found.answer) == ("open", "These test rows cannot tell.")
    assert "That includes zero: it may be chance." in found.sentences[0]
    assert found.sentences[1] == (
        "At no single site is the difference beyond chance, allowing for 2 comparisons."
    )


def test_less_is_better_for_a_loss() -> None:
    rows = [10, 10]
    seeds = [
        {"own": [20 + at, 21], "federated": [10, 11 + at % 2]} for at in range(4)
    ]  # a loss of 2, and of 1
    found = verdict(studies(rows, seeds, metric="loss"))
    assert (found.tone, found.answer) == ("better", "Yes, over these seeds.")


def test_one_seed_of_a_loss_claims_nothing() -> None:
    found = verdict(study([10, 10], metric="loss", own=[20, 21], federated=[10, 11]))
    assert (found.tone, found.answer) == ("open", "One run cannot tell.")
    assert "`nbfed simulate --seeds 5`" in found.sentences[0]
    assert len(found.sentences) == 1


def test_a_metric_that_nobody_knows_is_not_called_better() -> None:
    seeds = [{"own": [20 + at, 21], "federated": [10, 11 + at % 2]} for at in range(4)]
    found = verdict(studies([10, 10], seeds, metric="spread"))
    assert found.tone == "open"
    assert "better" not in " ".join((found.answer, *found.sentences))


def test_seeds_that_disagree_take_a_claim_back() -> None:
    rows = [400, 100]
    one = {"own": [280, 70], "federated": [340, 72]}
    assert verdict(studies(rows, [one, one, one])).tone == "better"
    worse = {"own": [340, 72], "federated": [330, 70]}
    assert verdict(studies(rows, [one, one, worse])).tone == "open"


def test_the_pooled_model_is_better_by_more_than_chance() -> None:
    results = study([4000], own=[3000], federated=[3200], pooled=[3500])
    assert verdict(results).sentences[-1].endswith("; it is worse by more than chance.")


def test_without_own_models_the_question_is_not_answered() -> None:
    found = verdict(study([10], federated=[8], pooled=[9]))
    assert (found.tone, found.answer) == ("none", "This run does not ask.")
    reason = {"own": "a: ValueError"}
    told = verdict(replace(study([10], federated=[8]), missing=reason))
    assert told.sentences == ("There are no figures of the sites' own models: a: ValueError.",)


def test_a_notebook_that_evaluates_nothing() -> None:
    assert verdict(replace(study([10], federated=[8]), metric_names=())).tone == "none"


def test_only_sites_with_both_models_are_compared() -> None:
    results = study([400, 100], own=[280, 70], federated=[340, 72])
    without = {**results.sites, "b": replace(results.sites["b"], own={})}
    found = verdict(replace(results, sites=without))
    assert found.sentences[0].startswith("Over all 400 test rows of 1 site, ")


@given(
    st.lists(
        st.tuples(st.integers(1, 300), st.floats(0, 1), st.floats(0, 1)), min_size=1, max_size=6
    )
)
def test_no_claim_without_an_interval_that_excludes_zero(
    sites: list[tuple[int, float, float]],
) -> None:
    rows = [n for n, _, _ in sites]
    own = [round(n * a) for n, a, _ in sites]
    federated = [round(n * b) for n, _, b in sites]
    results = study(rows, own=own, federated=federated)
    tone = verdict(results).tone
    difference = Comparison(results, "accuracy").difference("federated", "own", list(results.sites))
    assert difference is not None and difference.interval is not None
    assert difference.value == pytest.approx((sum(federated) - sum(own)) / sum(rows))
    assert (tone == "better") == (difference.interval.low > 0)
    assert (tone == "worse") == (difference.interval.high < 0)


@pytest.mark.parametrize(
    ("results", "words"),
    [
        (study([40], own=[30], federated=[33]), "Wilson's"),
        (study([40], metric="loss", own=[30], federated=[33]), "not known to be a share"),
        (studies([40], [{"own": [30], "federated": [33]}] * 2), "means of 2 seeds"),
    ],
)
def test_the_method_is_stated(results: Results, words: str) -> None:
    assert words in " ".join(method(results, results.metric_names[0]))
