from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from nbfed.outcome.chart import chart, nice_ticks
from nbfed.outcome.report import charts, render_report, write_report
from tests.unit import run_events
from tests.unit.outcome.test_results import RESULTS


class Page(HTMLParser):
    """Collects the tags, the references to other files, and the text of a page."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.references: list[str] = []
        self.cells: list[str] = []
        self._in_cell = False
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self._in_cell = tag == "td"
        if self._in_cell:
            self.cells.append("")
        self.references += [value or "" for name, value in attrs if name in ("src", "href")]

    def handle_endtag(self, tag: str) -> None:
        self._in_cell = self._in_cell and tag != "td"

    def handle_data(self, data: str) -> None:
        if self._in_cell:
            self.cells[-1] += data


def test_the_page_has_the_runs_figures() -> None:
    page = Page(render_report(run_events.whole_run(), RESULTS))
    first = page.cells.index("cleveland")
    assert page.cells[first : first + 6] == [
        "cleveland", "227", "76", "0.8000", "0.8500", "0.8421",
    ]  # fmt: skip
    assert page.tags.count("figure") == 2


def test_the_page_needs_nothing_outside_itself() -> None:
    html = render_report(run_events.whole_run(), RESULTS)
    page = Page(html)
    assert "script" not in page.tags
    assert page.references == ["data:,"]
    assert not re.search(r"https?://|@import|url\(", html)


def test_text_from_a_site_is_escaped() -> None:
    events = [run_events.started(name="<b>heart</b>"), run_events.ended(reason="<script>")]
    html = render_report(events, None)
    assert "<b>" not in html
    assert "<script>" not in html


def test_a_run_that_did_not_finish_says_so() -> None:
    html = render_report([run_events.started(), run_events.ended(outcome="stopped")], None)
    assert "This run did not finish: stopped" in html
    assert "Was federating worth it?" not in html


def test_the_report_is_written_beside_the_events(tmp_path: Path) -> None:
    lines = [json.dumps(event) + "\n" for event in run_events.whole_run()]
    (tmp_path / "events.jsonl").write_text("".join(lines), encoding="utf-8")
    (tmp_path / "results.json").write_text(RESULTS.to_json(), encoding="utf-8")
    report = write_report(tmp_path)
    assert report == tmp_path / "report.html"
    assert "0.8421" in report.read_text(encoding="utf-8")


def test_a_chart_has_a_line_for_each_site_and_one_for_all() -> None:
    accuracy, loss = charts(run_events.whole_run())
    assert (accuracy.metric, loss.metric) == ("accuracy", "loss")
    assert [line.name for line in accuracy.lines] == ["cleveland", "va", "all sites, weighted"]
    assert [line.emphasis for line in accuracy.lines] == [False, False, True]
    assert [tick.label for tick in accuracy.x_ticks] == ["0", "1", "2"]


def test_a_point_stands_where_its_value_is() -> None:
    drawn = chart("accuracy", {"va": [(0, 0.0), (1, 0.5), (2, 1.0)]}, "")
    assert drawn is not None
    (line,) = drawn.lines
    points = [tuple(map(float, point.split(","))) for point in line.points.split()]
    middle = ((drawn.left + drawn.right) / 2, (drawn.top + drawn.bottom) / 2)
    assert points == [(drawn.left, drawn.bottom), middle, (drawn.right, drawn.top)]


def test_values_that_are_no_numbers_are_left_out() -> None:
    nan = float("nan")
    assert chart("loss", {"va": [(0, nan)]}, "") is None
    drawn = chart("loss", {"va": [(0, nan), (1, 0.5)], "hun": [(0, nan)]}, "")
    assert drawn is not None
    assert [line.name for line in drawn.lines] == ["va"]


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (0.0, 1.0, [0.0, 0.25, 0.5, 0.75, 1.0]),
        (0.51, 0.89, [0.5, 0.6, 0.7, 0.8, 0.9]),
        (0.5, 0.5, [0.45, 0.5, 0.55]),
        (0.0, 0.0, [-0.5, -0.25, 0.0, 0.25, 0.5]),
        (12.0, 3400.0, [0.0, 1000.0, 2000.0, 3000.0, 4000.0]),
    ],
)
def test_ticks_are_round_and_enclose_the_range(
    low: float, high: float, expected: list[float]
) -> None:
    assert nice_ticks(low, high) == pytest.approx(expected)
