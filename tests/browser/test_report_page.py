"""report.html in a browser."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from nbfed.outcome.results import Results
from nbfed.report import write_report
from tests.browser.browser import SCHEMES, WIDTHS, chromium, watched
from tests.unit import run_events
from tests.unit.report.test_page import RESULTS

# The ratio of lightness that WCAG 2.2 (1.4.3) asks for between a text and what is behind it.
CONTRAST = 4.5
RATIOS = """() => {
  const light = (text) => {
    const [r, g, b] = text.match(/[\\d.]+/g).map((c) => {
      c /= 255;
      return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const behind = (element) => {
    for (let e = element; e; e = e.parentElement) {
      const colour = getComputedStyle(e).backgroundColor;
      if (colour !== "rgba(0, 0, 0, 0)") return colour;
    }
  };
  const ratios = {};
  for (const name of ["h1", "p.faint", "nav a", "thead th", "td", "td .note", ".answer p",
                      "summary", "figcaption", ".pill", "figure svg text", "footer"]) {
    const element = document.querySelector(name);
    const style = getComputedStyle(element);
    const ink = element instanceof SVGElement ? style.fill : style.color;
    const pair = [light(ink), light(behind(element))].sort((a, b) => b - a);
    ratios[name] = (pair[0] + 0.05) / (pair[1] + 0.05);
  }
  return ratios;
}"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as found:
        yield found


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("run")
    lines = [json.dumps(event) + "\n" for event in run_events.whole_run()]
    (folder / "events.jsonl").write_text("".join(lines), encoding="utf-8")
    (folder / "results.json").write_text(RESULTS.to_json(), encoding="utf-8")
    write_report(folder)
    return folder


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("scheme", SCHEMES)
def test_the_page_fits_and_can_be_read(
    browser: Browser, run: Path, width: int, scheme: str
) -> None:
    url = (run / "report.html").as_uri()
    with watched(browser, width=width, scheme=scheme) as found:
        found.page.goto(url)
        assert found.page.evaluate("document.documentElement.scrollWidth") <= width
        assert {k: r for k, r in found.page.evaluate(RATIOS).items() if r < CONTRAST} == {}
        picture = found.page.screenshot(full_page=True, path=run / f"{width}-{scheme}.png")
        dark = found.page.evaluate("getComputedStyle(document.body).backgroundColor")
        assert (dark == "rgb(255, 255, 255)") == (scheme == "light")
        assert len(picture) > 10_000
        assert found.said == []
        assert found.asked == [url]


def test_the_table_is_the_runs(browser: Browser, run: Path) -> None:
    results = Results.read(run)
    with watched(browser) as found:
        found.page.goto((run / "report.html").as_uri())
        table = rows_of(found.page, "accuracy on each site's own test rows after 3 rounds")
    for site, one in results.sites.items():
        expected = [
            one.train_examples, one.test_examples,
            *(one.metrics(model)["accuracy"] for model in ("own", "pooled", "federated")),
        ]  # fmt: skip
        assert table[site][:5] == expected
        assert table[site][5] == pytest.approx(expected[4] - expected[2])
    for name, kind in (("all test rows", "weighted"), ("mean of the sites", "unweighted")):
        means = [results.means[kind][model]["accuracy"] for model in ("own", "pooled", "federated")]
        assert [value for value in table[name] if value in means] == means


def rows_of(page: Page, caption: str) -> dict[str, list[float]]:
    """The exact values of a table's rows, by their heads."""
    table = page.get_by_role("table", name=caption)
    rows: dict[str, list[float]] = {}
    for row in table.locator("tbody tr, tfoot tr").all():
        values = row.locator("data").evaluate_all("cells => cells.map(cell => cell.value)")
        rows[row.locator("th").inner_text().splitlines()[0]] = [float(value) for value in values]
    return rows


def test_figures_are_known_to_screen_readers(browser: Browser, run: Path) -> None:
    with watched(browser) as found:
        found.page.goto((run / "report.html").as_uri())
        name = "accuracy: federated model minus the site's own"
        assert found.page.get_by_role("img", name=name).count() == 1
        assert found.page.locator("figure svg[role=img]").count() == 7
        assert found.page.get_by_role("columnheader", name="federated", exact=True).count() > 0


def test_on_paper_it_is_light_and_nothing_is_cut_off(browser: Browser, run: Path) -> None:
    with watched(browser, width=700, scheme="dark") as found:
        found.page.goto((run / "report.html").as_uri())
        found.page.emulate_media(media="print")
        ink = found.page.evaluate("getComputedStyle(document.body).color")
        assert ink == "rgb(27, 32, 38)"
        assert found.page.locator("nav").is_hidden()
        over = "[...document.querySelectorAll('.scroll')].filter(e => e.scrollWidth > 700).length"
        assert found.page.evaluate(over) == 0
        assert found.page.evaluate("document.documentElement.scrollWidth") <= 700
        assert found.page.pdf(format="A4")[:5] == b"%PDF-"
