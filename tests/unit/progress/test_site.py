from __future__ import annotations

import logging
from pathlib import Path

import pytest

from nbfed.progress import site
from nbfed.progress.site import SiteSide

CLIENT = Path(__file__).resolve().parents[3] / "templates" / "client" / "package"


def said(text: str, *values: object) -> logging.LogRecord:
    return logging.LogRecord("heart_client", logging.INFO, "", 1, text, values, None)


@pytest.mark.parametrize("text", [site.CONNECTED, site.TAKEN_IN, site.BEGINS, site.DONE])
def test_the_site_node_says_these_very_words(text: str) -> None:
    node = "".join(file.read_text(encoding="utf-8") for file in CLIENT.glob("site_*.py"))
    assert f'"{text}"' in node


def test_a_sites_side_of_a_run() -> None:
    side = SiteSide("va")
    shown = [side.line(3.0).plain]
    for now, record in enumerate(
        [
            said(site.CONNECTED, "127.0.0.1:9092"),
            said(site.TAKEN_IN),
            said(site.BEGINS, "train"),
            said("something else of the notebook's"),
            said(site.DONE, 1, "trained on", 140, 2.5),
            said(site.BEGINS, "evaluate"),
            said(site.DONE, 1, "evaluated on", 60, 0.5),
            said(site.ENDED),
        ],
        start=10,
    ):
        side.take(record, now)
        shown.append(side.line(now + 2).plain)
    done = "  1 round trained on 140 rows: the last 2.5 s, all work 2.5 s"
    more = done.replace("work 2.5 s", "work 3.0 s")
    assert shown == [
        "va  looking for the server, 3 s",
        "va  waiting for the server, 2 s",
        "va  waiting for the server, 3 s",
        "va  training, 2 s",
        "va  training, 3 s",
        f"va  waiting for the server after round 1, 2 s{done}",
        f"va  evaluating, 2 s{done}",
        f"va  waiting for the server after round 1, 2 s{more}",
        f"va  the run has ended, 2 s{more}",
    ]


def test_without_a_terminal_nothing_is_drawn(capsys: pytest.CaptureFixture[str]) -> None:
    with site.shown_site("va", "a_client"):
        logging.getLogger("a_client").info(site.TAKEN_IN)
    assert capsys.readouterr().err == ""
    assert logging.getLogger("a_client").handlers == []
