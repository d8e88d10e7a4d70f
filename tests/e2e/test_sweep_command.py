"""``nbfed sweep`` on a whole small study."""

from __future__ import annotations

import json
from pathlib import Path

from tests.e2e.command import Done, nbfed
from tests.e2e.study import write_study


def sweep(folder: Path, *more: str) -> Done:
    start = ("sweep", "study.ipynb", "--set", "params.LR=0.01,0.1", "--rounds", "1", "--json")
    return nbfed(*start, *more, cwd=folder)


def test_every_point_is_run_once_and_what_was_interrupted_again(tmp_path: Path) -> None:
    write_study(tmp_path)
    first = sweep(tmp_path)
    assert first.code == 0, first.err
    lines = [json.loads(line) for line in first.out.splitlines()]
    ranking = lines.pop()
    assert ranking.pop("event") == "sweep"
    assert ranking == json.loads((tmp_path / "sweeps/study/sweep.json").read_text())
    values = [point["value"] for point in ranking["points"]]
    assert values == sorted(values, reverse=True)
    # The parameter did arrive at the sites.
    set_in = {e["params"]["LR"] for e in lines if e["event"] == "run-started"}
    assert set_in == {0.01, 0.1}

    interrupted, finished = (tmp_path / point["folder"] for point in ranking["points"])
    (interrupted / "seeds/7/results.json").unlink()
    kept = (finished / "seeds/7/events.jsonl").read_bytes()
    again = sweep(tmp_path)
    assert again.code == 0, again.err
    lines = [json.loads(line) for line in again.out.splitlines()]
    assert sorted(line["done"] for line in lines if line["event"] == "seed") == [False, True]
    assert (finished / "seeds/7/events.jsonl").read_bytes() == kept
    assert [point["value"] for point in lines[-1]["points"]] == values


def test_nothing_is_run_before_all_points_are_checked(tmp_path: Path) -> None:
    write_study(tmp_path)
    done = sweep(tmp_path, "--set", "strategy=fedavg,fedfoo")
    assert done.code == 2
    assert "`strategy.name` is no strategy known here: `fedfoo`" in done.err
    assert not (tmp_path / "sweeps").exists()
