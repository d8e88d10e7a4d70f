from __future__ import annotations

from dataclasses import replace
from html.parser import HTMLParser

from nbfed.notebook import html
from nbfed.notebook.progress import Progress
from tests.unit import run_events
from tests.unit.outcome.test_results import RESULTS

HOSTILE = "<script>alert('x')</script>&"


class Cells(HTMLParser):
    """The rows of tables, and the tags that were seen."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.rows: list[list[str]] = []
        self.tags: set[str] = set()
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.tags.add(tag)
        if tag == "tr":
            self.rows.append([])

    def handle_data(self, data: str) -> None:
        if self.rows:
            self.rows[-1].append(data)


def test_the_table_of_results() -> None:
    rows = Cells(html.results(RESULTS)).rows
    assert rows[1] == ["cleveland", "227", "76", "0.8000", "0.8500", "0.8421"]
    assert rows[3][0] == "unweighted mean"


def test_progress_tells_rounds_sites_and_metrics() -> None:
    progress = Progress()
    for event in run_events.whole_run()[:-1]:
        progress.take(event)
    page = progress.html()
    assert "round 2 of 2" in page
    assert ["va", "done", "50", "0.8750", "+0.1250"] in Cells(page).rows
    assert "va" in progress.text()


def test_everything_from_outside_is_escaped() -> None:
    sites = {HOSTILE: RESULTS.sites["va"]}
    pages = [
        html.results(replace(RESULTS, sites=sites, metric_names=(HOSTILE, "accuracy"))),
        html.text(HOSTILE),
        html.note(HOSTILE),
    ]
    progress = Progress()
    progress.take(run_events.started(name=HOSTILE, sites=[HOSTILE]))
    progress.take({"event": "site-refused", "site": HOSTILE, "reason": HOSTILE})
    progress.take(run_events.ended(outcome="aborted", reason=HOSTILE))
    pages.append(progress.html())
    finding = {
        "severity": "error", "code": "NBF201", "message": HOSTILE, "hint": HOSTILE, "cell": 3,
        "line": 1, "column": 1, "length": 3, "source_line": HOSTILE,
    }  # fmt: skip
    pages.append(html.diagnostics([finding]))
    for page in pages:
        assert "script" not in Cells(page).tags
        assert "&lt;script&gt;" in page


def test_no_findings() -> None:
    assert html.diagnostics([]) == "<div>No problems found.</div>"
