from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

from nbfed.outcome.results import Results
from nbfed.report.facts import configuration
from nbfed.report.page import Material, read_material, render_report, write_report
from nbfed.report.program import Part, ProgramRecord
from nbfed.report.record import record
from tests.unit import run_events
from tests.unit.report.studies import studies, study

ROWS = (76, 50)
RIGHT = {"own": (60, 35), "pooled": (64, 38), "federated": (66, 44)}
NASTY = "<script>alert('x')</script> & $x^2$"


def named(results: Results) -> Results:
    """The study's results, for the sites of the made-up run."""
    sites = dict(zip(run_events.SITES, results.sites.values(), strict=True))
    seeds = {seed: named(one) for seed, one in results.seeds.items()}
    spread = results.deviations and replace(
        results.deviations,
        sites=dict(zip(run_events.SITES, results.deviations.sites.values(), strict=True)),
    )
    return replace(results, sites=sites, seeds=seeds, deviations=spread)


RESULTS = named(study(ROWS, **RIGHT))


class Page(HTMLParser):
    """Collects the tags, ids and references of a page, and its tables' rows."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.ids: Counter[str] = Counter()
        self.references: list[str] = []
        self.values: list[float] = []
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found: Mapping[str, str] = {name: value or "" for name, value in attrs}
        self.tags.append(tag)
        self.ids.update([found["id"]] if "id" in found else [])
        self.references += [found[name] for name in ("src", "href", "xlink:href") if name in found]
        self.values += [float(found["value"])] if tag == "data" else []

    def handle_data(self, data: str) -> None:
        self.text += data


def page(results: Results | None = RESULTS, **more: object) -> Page:
    events = run_events.whole_run()
    return Page(render_report(Material(**{"events": events, "results": results, **more})))


def test_the_page_answers_its_question_first() -> None:
    found = page()
    assert found.text.index("Was federating worth it?") < found.text.index("The federated model on")
    assert "Yes, on these test rows." in found.text
    assert found.tags.count("figure") == 7


def test_the_tables_hold_the_runs_exact_figures() -> None:
    found = page()
    expected = [
        *(k / n for n, *of in zip(ROWS, *RIGHT.values(), strict=True) for k in of),
        *(sum(counts) / sum(ROWS) for counts in RIGHT.values()),
    ]
    for value in expected:
        assert any(abs(value - each) < 1e-12 for each in found.values), value


def test_the_page_needs_nothing_outside_itself() -> None:
    html = render_report(Material(run_events.whole_run(), RESULTS))
    found = Page(html)
    assert not {"script", "img", "iframe", "object", "embed"} & set(found.tags)
    assert all(each.startswith("#") or each == "data:," for each in found.references)
    outside = re.sub(r'xmlns(:xlink)?="http://www.w3.org/\S+"', "", html)
    assert not re.search(r"https?://|@import|url\((?!#)", outside)


def test_ids_are_unique_and_references_lead_somewhere() -> None:
    found = page()
    assert [name for name, times in found.ids.items() if times > 1] == []
    assert {each[1:] for each in found.references if each.startswith("#")} <= set(found.ids)


def test_every_figure_has_a_name_and_a_description() -> None:
    html = render_report(Material(run_events.whole_run(), RESULTS))
    figures = re.findall(r'<svg[^>]*role="img"[^>]*aria-labelledby="(\S+) (\S+)"', html)
    assert len(figures) == 7
    for title, description in figures:
        assert re.search(rf'<title id="{title}">\S', html)
        assert re.search(rf'<desc id="{description}">\S', html)


def test_the_same_run_gives_the_same_page() -> None:
    material = Material(run_events.whole_run(), RESULTS)
    assert render_report(material) == render_report(material)


def test_text_from_elsewhere_is_escaped() -> None:
    sites = dict.fromkeys([NASTY, "va"], 10)
    results = replace(
        RESULTS, sites=dict(zip(sites, RESULTS.sites.values(), strict=True)),
        missing={"pooled": NASTY},
    )  # fmt: skip
    events = [
        run_events.started(name=NASTY, sites=list(sites), strategy=NASTY, params={NASTY: NASTY}),
        {"event": "round-started", "round": 1, "sites": list(sites)},
        {"event": "site-failed", "round": 1, "site": NASTY, "reason": NASTY},
        run_events.ended(outcome="aborted", reason=NASTY),
    ]
    part = Part(NASTY, NASTY, (1,), NASTY, NASTY)
    program = ProgramRecord(NASTY, NASTY, NASTY, NASTY, (part,))
    html = render_report(Material(events, results, program, {NASTY: NASTY}, NASTY))
    assert "<script" not in html
    assert "$x^2$" in html  # as it is, not as a formula


def test_several_seeds_show_their_deviations() -> None:
    other = {"own": (58, 33), "pooled": (64, 38), "federated": (67, 45)}
    found = page(named(studies(ROWS, [RIGHT, other])), shown="seed 1, the first of 2")
    assert "mean of 2 seeds" in found.text
    assert "0.776 ± 0.019" in found.text  # own model at the first site: 60 and 58 of 76
    assert "Of seed 1, the first of 2." in found.text


@pytest.mark.parametrize(
    ("outcome", "reason", "words"),
    [
        ("stopped", "interrupted", "This run did not finish. Interrupted"),
        ("aborted", "round 2: too few sites", "This run did not finish. Round 2: too few sites"),
    ],
)
def test_a_run_that_did_not_finish_says_so(outcome: str, reason: str, words: str) -> None:
    events = [*run_events.whole_run()[:-1], run_events.ended(outcome=outcome, reason=reason)]
    found = Page(render_report(Material(events)))
    assert words in found.text
    assert "Nothing was compared." in found.text
    assert "Was federating worth it?" not in found.text


def test_a_federation_of_machines_does_not_answer_what_it_did_not_try() -> None:
    events = [run_events.started(engine="federation"), *run_events.whole_run()[1:]]
    found = Page(render_report(Material(events)))
    assert "A federation does not tell whether it was worth it." in found.text
    assert 0.875 in found.values


def test_an_older_figure_of_a_site_says_of_which_round() -> None:
    last = run_events.evaluated(2)
    del last["sites"]["va"]
    events = [*run_events.whole_run()[:-2], last, run_events.ended()]
    found = Page(render_report(Material(events)))
    assert "after round 1" in found.text


@pytest.mark.parametrize(
    "events",
    [
        [],
        [run_events.started()],
        [run_events.started(sites=[]), run_events.ended(outcome="aborted", rounds_done=0)],
        [run_events.started(), *run_events.trained(1), run_events.finished(1)],
        [run_events.started(), *run_events.trained(1), run_events.finished(1, train={})],
    ],
)
def test_a_run_that_has_little_to_tell(events: list[run_events.Event]) -> None:
    found = Page(render_report(Material(events)))
    assert "did not finish" in found.text


def test_figures_that_are_no_numbers() -> None:
    sites = {
        name: replace(site, federated={"accuracy": None}) for name, site in RESULTS.sites.items()
    }
    found = page(replace(RESULTS, sites=sites))
    assert "no number" in found.text
    assert "This run does not ask." in found.text


def test_a_run_that_only_the_server_evaluates() -> None:
    events = [
        run_events.started(),
        *(
            {"event": "server-evaluated", "round": at, "metrics": {"auc": value}, "seconds": 0.1}
            for at, value in ((0, 0.5), (1, None), (2, 0.9))
        ),
        run_events.ended(),
    ]
    found = Page(render_report(Material(events)))
    assert "the server's own data" in found.text
    assert 0.9 in found.values


def test_thirty_sites() -> None:
    names = [f"hospital-{number:02d}" for number in range(30)]
    rows = [40 + number for number in range(30)]
    right = {"own": [n - 12 for n in rows], "federated": [n - 6 for n in rows]}
    results = study(rows, **right)
    results = replace(results, sites=dict(zip(names, results.sites.values(), strict=True)))
    begun = {"event": "round-started", "round": 1, "sites": names}
    events = [run_events.started(sites=names), begun, run_events.finished(1, sites=names)]
    found = Page(render_report(Material(events, results)))
    assert "allowing for 30 comparisons" in found.text
    assert found.text.count("hospital-29") > 2


def test_the_report_is_written_beside_the_events(tmp_path: Path) -> None:
    lines = [json.dumps(event) + "\n" for event in run_events.whole_run()]
    (tmp_path / "events.jsonl").write_text("".join(lines), encoding="utf-8")
    (tmp_path / "results.json").write_text(RESULTS.to_json(), encoding="utf-8")
    report = write_report(tmp_path)
    assert report == tmp_path / "report.html"
    assert "0.868" in report.read_text(encoding="utf-8")


def test_of_several_seeds_the_first_ones_events_are_shown(tmp_path: Path) -> None:
    for seed in (10, 9):
        folder = tmp_path / "seeds" / str(seed)
        folder.mkdir(parents=True)
        started = run_events.started(seed=seed)
        (folder / "events.jsonl").write_text(json.dumps(started) + "\n", encoding="utf-8")
    material = read_material(tmp_path)
    assert material.shown == "seed 9, the first of 2"
    assert [event["seed"] for event in material.events] == [9]


def test_the_configuration_tells_what_is_in_use_and_no_folders() -> None:
    config = {
        "rounds": 2, "seed": 42, "strategy": "fedavg", "min-sites": 0, "run-dir": "/home/x/runs",
        "data-dir": "/home/x", "best-metric": "", "best-mode": "max", "stop-patience": 0,
        "evaluate-every": 1, "strategy-options": "{}", "sites": "[]", "params": "{}",
    }  # fmt: skip
    started = record([run_events.started()])
    assert configuration(started, config) == [
        ("rounds", "2"),
        ("seed", "42"),
        ("strategy", "fedavg"),
        ("min sites", "2"),
        ("evaluate every", "1"),
        ("parameter LR", "0.1"),
        ("version of python", "3.11.7"),
        ("version of torch", "2.13.0"),
    ]
