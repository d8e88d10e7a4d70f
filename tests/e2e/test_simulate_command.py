"""``nbfed simulate`` on a whole small study."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest

from tests.e2e.command import Done, alive, descendants, interrupt, nbfed, started
from tests.e2e.study import FEDERATION, ROWS, SITES, write_study


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("simulation")
    write_study(folder / "study")
    return folder


@pytest.fixture(scope="module")
def simulated(folder: Path) -> Done:
    """A simulation with its events as JSON, in the run folder ``run``."""
    return nbfed("simulate", "study/study.ipynb", "--run-dir", "run", "--json", cwd=folder)


def test_the_last_line_of_json_is_the_table(simulated: Done, folder: Path) -> None:
    assert simulated.code == 0, simulated.err
    events = [json.loads(line) for line in simulated.out.splitlines()]
    results = events[-1]
    assert results.pop("event") == "results"
    assert results == json.loads((folder / "run" / "results.json").read_text())
    assert results["metric_names"] == ["accuracy"]
    assert list(results["sites"]) == list(SITES)
    for site, found in results["sites"].items():
        assert found["train_examples"] == ROWS[site] * 3 // 4
        assert found["test_examples"] == ROWS[site] - ROWS[site] * 3 // 4
        for model in ("own", "pooled", "federated"):
            assert 0 <= found[model]["accuracy"] <= 1


def test_means_are_those_of_the_rows(simulated: Done) -> None:
    results = json.loads(simulated.out.splitlines()[-1])
    sites = results["sites"].values()
    rows = sum(site["test_examples"] for site in sites)
    for model in ("own", "pooled", "federated"):
        figures = [site[model]["accuracy"] for site in sites]
        weighted = sum(site["test_examples"] * site[model]["accuracy"] for site in sites) / rows
        means = results["means"]
        assert means["unweighted"][model]["accuracy"] == pytest.approx(sum(figures) / 3)
        assert means["weighted"][model]["accuracy"] == pytest.approx(weighted)


def test_the_federated_figures_are_those_of_the_last_evaluation(simulated: Done) -> None:
    events = [json.loads(line) for line in simulated.out.splitlines()]
    last = [e for e in events if e["event"] == "evaluated" and "baseline" not in e][-1]
    for site, found in events[-1]["sites"].items():
        assert found["federated"] == pytest.approx(last["sites"][site]["metrics"])


def test_the_runs_folder_has_all_that_a_run_leaves(simulated: Done, folder: Path) -> None:
    assert simulated.code == 0, simulated.err
    run = folder / "run"
    for name in (
        "events.jsonl",
        "model.safetensors",
        "results.json",
        "report.html",
        "build.json",
        "program.json",
        "checkpoints/round-002.safetensors",
        "baselines/pooled/events.jsonl",
        "baselines/local-north/model.safetensors",
    ):
        assert (run / name).is_file(), name


def test_the_report_has_every_figure_of_the_table(simulated: Done, folder: Path) -> None:
    results = json.loads(simulated.out.splitlines()[-1])
    html = (folder / "run" / "report.html").read_text(encoding="utf-8")
    shown = {float(value) for value in re.findall(r'<data value="([^"]+)"', html)}
    for site in results["sites"].values():
        figures = [site[model]["accuracy"] for model in ("own", "pooled", "federated")]
        assert {site["train_examples"], site["test_examples"], *figures} <= shown
    for mean in results["means"].values():
        assert {mean[model]["accuracy"] for model in ("own", "pooled", "federated")} <= shown
    for tried in results["cross"].values():
        assert {metrics["accuracy"] for metrics in tried.values()} <= shown
    assert "Was federating worth it?" in html
    assert "optimizer = torch.optim.SGD(model.parameters(), lr=LR)" in html


def test_in_plain_lines_it_ends_with_the_table(folder: Path) -> None:
    done = nbfed("simulate", "study/study.ipynb", "--rounds", "1", "--seed", "3", cwd=folder)
    assert done.code == 0, done.err
    lines = [line.rstrip() for line in done.out.splitlines()]
    assert lines[0] == "study: 1 round of fedavg over north, south, west; seed 3"
    table = lines.index("accuracy on each site's test set after 1 round, seed 3")
    assert lines[table + 4].split() == ["│", "north", "│", "30", "│", "10", "│"] + [
        part for figure in lines[table + 4].split("│")[4:7] for part in (figure.strip(), "│")
    ]
    assert lines[-2].startswith("report: runs/")


def test_the_same_seed_gives_the_same_figures(simulated: Done, folder: Path) -> None:
    again = nbfed(
        "simulate", "study/study.ipynb", "--json", "--workers", "1", "--baselines", "none",
        cwd=folder,
    )  # fmt: skip
    one, other = (json.loads(done.out.splitlines()[-1]) for done in (simulated, again))
    for site in SITES:
        assert one["sites"][site]["federated"] == other["sites"][site]["federated"]
        assert other["sites"][site]["pooled"] == {}


def test_seeds_are_runs_of_their_own_and_finished_ones_stay(folder: Path) -> None:
    start = ("simulate", "study/study.ipynb", "--rounds", "1", "--baselines", "none", "--json")
    start = (*start, "--run-dir", "seeds-run", "--seeds")
    first = nbfed(*start, "1", cwd=folder)
    assert first.code == 0, first.err
    assert (folder / "seeds-run/events.jsonl").is_file()  # one seed is a run as any other
    refused = nbfed(*start, "2", cwd=folder)
    assert (refused.code, "is not empty" in refused.err) == (3, True)
    start = (*start[:-2], "several", "--seeds")
    assert nbfed(*start, "2", cwd=folder).code == 0
    kept = (folder / "several/seeds/7/events.jsonl").read_bytes()
    shutil.rmtree(folder / "several/seeds/8")
    done = nbfed(*start, "2", cwd=folder)
    assert done.code == 0, done.err
    assert (folder / "several/seeds/7/events.jsonl").read_bytes() == kept
    events = [json.loads(line) for line in done.out.splitlines()]
    said = {event["seed"]: event["done"] for event in events if event["event"] == "seed"}
    assert said == {7: True, 8: False}
    results = events[-1]
    assert list(results["seeds"]) == ["7", "8"]
    figures = [results["seeds"][seed]["sites"]["west"]["federated"] for seed in ("7", "8")]
    mean = sum(each["accuracy"] for each in figures) / 2
    assert results["sites"]["west"]["federated"]["accuracy"] == pytest.approx(mean)


def test_without_sites_it_says_what_to_write(tmp_path: Path) -> None:
    write_study(tmp_path, federation="rounds: 1\n")
    done = nbfed("simulate", "study.ipynb", cwd=tmp_path)
    assert done.code == 1
    assert done.err.splitlines()[-5:] == [
        "error: federation.yaml names no sites",
        "  = hint: write the sites into it:",
        "  = hint: sites:",
        "  = hint:   hospital-a: {params: {DATA_FILE: ...}}",
        "  = hint:   hospital-b: {params: {DATA_FILE: ...}}",
    ]


def test_a_site_without_its_values_is_told_apart(tmp_path: Path) -> None:
    federation = FEDERATION.replace("  north: {params: {DATA_FILE: north.csv}}", "  north:")
    write_study(tmp_path, federation=federation)
    done = nbfed("simulate", "study.ipynb", cwd=tmp_path)
    assert done.code == 1
    assert "error: federation.yaml:7: site north has no value for `DATA_FILE`\n" in done.err


def test_a_missing_data_file_is_one_error(tmp_path: Path) -> None:
    write_study(tmp_path)
    (tmp_path / "west.csv").unlink()
    done = nbfed("simulate", "study.ipynb", cwd=tmp_path)
    assert done.code in (1, 4)
    assert "west" in done.err
    assert "Traceback" not in done.err
    (run,) = (tmp_path / "runs").iterdir()
    html = (run / "report.html").read_text(encoding="utf-8")
    assert "This run did not finish." in html
    assert "west" in html


def test_a_baseline_that_nobody_knows(folder: Path) -> None:
    done = nbfed("simulate", "study/study.ipynb", "--baselines", "central", cwd=folder)
    assert (done.code, done.err) == (
        2,
        "error: there is no baseline central\n  = hint: known are `local`, `pooled`, and `none`\n",
    )


def test_ctrl_c_ends_every_worker(folder: Path) -> None:
    start = ("simulate", "study/study.ipynb", "--rounds", "100000", "--json")
    with started(*start, cwd=folder) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if json.loads(line)["event"] == "round-finished":
                break
        workers = descendants(process.pid)
        assert workers
        done = interrupt(process)
    assert done.code == 130
    assert "Traceback" not in done.err
    assert not [pid for pid in workers if alive(pid)]
