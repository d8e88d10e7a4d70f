from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from nbfed.engine.request import REQUEST, Request, unfinished
from nbfed.errors import OutputRefused

REQUESTED = Request(
    "heart", "c1", "s1", {"strategy": "fedavg", "rounds": 3}, {"va": "0a1b"}, ["local"]
)


def test_a_folder_can_be_gone_on_with(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "run"
    with REQUESTED.claim(folder):
        (folder / "seeds").mkdir()
    with REQUESTED.claim(folder):
        assert (folder / REQUEST).is_file()


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        (replace(REQUESTED, client_digest="c2"), "`client_digest`"),
        (replace(REQUESTED, config={"strategy": "fedprox", "rounds": 3}), "`config.strategy`"),
        (replace(REQUESTED, sites={"va": "0a1b", "x": ""}, baselines=[]), "`baselines`, `sites.x`"),
    ],
)
def test_other_settings_need_another_folder(tmp_path: Path, changed: Request, named: str) -> None:
    with REQUESTED.claim(tmp_path):
        pass
    with (
        pytest.raises(OutputRefused, match=f"was begun with other settings: {named}"),
        changed.claim(tmp_path),
    ):
        pass


def test_a_folder_with_anything_else_in_it_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("")
    with pytest.raises(OutputRefused, match="is not empty"), REQUESTED.claim(tmp_path):
        pass
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]


def test_two_processes_do_not_share_a_folder(tmp_path: Path) -> None:
    with (
        REQUESTED.claim(tmp_path),
        pytest.raises(OutputRefused, match="another process runs in"),
        REQUESTED.claim(tmp_path),
    ):
        pass


def test_an_interrupted_run_is_made_again_and_a_finished_one_is_not(tmp_path: Path) -> None:
    run = tmp_path / "7"
    assert unfinished(run)
    run.mkdir()
    (run / "events.jsonl").write_text("{}\n")
    assert unfinished(run)
    assert not run.exists()
    run.mkdir()
    (run / "results.json").write_text("{}")
    assert not unfinished(run)
    assert run.exists()
