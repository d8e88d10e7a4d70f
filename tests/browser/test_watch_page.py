"""The page of ``nbfed watch`` in a browser, while a run goes on."""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.browser import WIDTHS, chromium, watched
from tests.e2e.command import interrupt, started
from tests.unit import run_events

PATIENCE = 60_000


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as found:
        yield found


def write(run: Path, events: Iterable[run_events.Event]) -> None:
    with (run / "events.jsonl").open("a", encoding="utf-8") as stream:
        for event in events:
            stream.write(json.dumps(event) + "\n")


def test_the_page_follows_a_run_to_its_end(browser: Browser, tmp_path: Path) -> None:
    run = tmp_path / "runs" / "mine"
    run.mkdir(parents=True)
    waiting = {"event": "waiting", "missing": ["va"], "seconds": 10.0, "last_seen": {"va": 130.0}}
    write(run, [run_events.started(), waiting])
    with started("watch", "runs/latest", "--json", cwd=tmp_path) as process:
        assert process.stdout is not None
        url = json.loads(process.stdout.readline())["url"]
        with watched(browser) as found:
            page = found.page
            page.goto(url)
            note = page.locator("#head [role=status]")
            expect(note).to_have_text("Waiting for va, last seen 2 min ago.", timeout=PATIENCE)
            write(run, [*run_events.trained(1), run_events.evaluated(0), run_events.finished(1)])
            sites = page.get_by_role("table", name="The sites now")
            expect(sites.get_by_role("row", name="va")).to_contain_text("0.5000", timeout=PATIENCE)
            expect(page.locator("#now")).to_contain_text("about 1.5 s", timeout=PATIENCE)
            write(
                run,
                [
                    {"event": "site-failed", "round": 2, "site": "va", "reason": "<b>x</b>"},
                    run_events.evaluated(2),
                    run_events.finished(2),
                    run_events.ended(),
                ],
            )
            expect(note).to_contain_text("The run has ended.", timeout=PATIENCE)
            expect(page.locator("#log")).to_contain_text("failed: <b>x</b>")
            assert json.loads(process.stdout.readline())["outcome"] == "finished"
            page.get_by_role("link", name="Read its report").click()
            expect(page).to_have_title("heart: report of a federated run", timeout=PATIENCE)
            page.go_back()
            expect(note).to_contain_text("The run has ended.", timeout=PATIENCE)
            assert {each for each in found.asked if not each.startswith(url)} == set()
            assert found.said == []
            # With the page still open, which would be waited for.
            done = interrupt(process)
            assert (done.code, done.err) == (130, "stopped\n")
            expect(page.locator("#link")).to_contain_text("connection is lost", timeout=PATIENCE)


@pytest.mark.parametrize("width", WIDTHS)
def test_the_page_fits(browser: Browser, tmp_path: Path, width: int) -> None:
    write(tmp_path, run_events.whole_run())
    with started("watch", ".", "--json", cwd=tmp_path) as process:
        assert process.stdout is not None
        url = json.loads(process.stdout.readline())["url"]
        with watched(browser, width=width, scheme="dark") as found:
            found.page.goto(url)
            expect(found.page.locator("#sites")).to_contain_text("cleveland", timeout=PATIENCE)
            assert found.page.evaluate("document.documentElement.scrollWidth") <= width
            found.page.screenshot(full_page=True, path=tmp_path / f"watch-{width}.png")
            assert found.said == []


def test_only_this_machine_under_its_own_name_is_answered(tmp_path: Path) -> None:
    write(tmp_path, run_events.whole_run())
    with started("watch", ".", "--json", cwd=tmp_path) as process:
        assert process.stdout is not None
        address = urlsplit(json.loads(process.stdout.readline())["url"])
        assert address.hostname == "127.0.0.1"
        assert address.port is not None
        answers = {
            (method, host, path): answer(address.port, method, host, path)
            for method, host, path in [
                ("GET", "127.0.0.1", "/"),
                ("GET", f"localhost:{address.port}", "/report"),
                ("GET", "evil.example", "/"),
                ("GET", f"evil.example:{address.port}", "/events"),
                ("POST", "127.0.0.1", "/"),
                ("GET", "127.0.0.1", "/events.jsonl"),
            ]
        }
    assert list(answers.values()) == [200, 200, 400, 400, 405, 404]


def answer(port: int, method: str, host: str, path: str) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        connection.request(method, path, headers={"Host": host})
        return connection.getresponse().status
    finally:
        connection.close()
