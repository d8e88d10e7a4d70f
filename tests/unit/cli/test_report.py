from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from nbfed.cli.app import app
from tests.unit import run_events


@pytest.fixture
def runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    run = tmp_path / "runs" / "mine"
    run.mkdir(parents=True)
    lines = [json.dumps(event) + "\n" for event in run_events.whole_run()]
    (run / "events.jsonl").write_text("".join(lines), encoding="utf-8")
    return tmp_path / "runs"


@pytest.mark.parametrize("named", [[], ["runs/latest"], ["runs/mine"]])
def test_the_report_is_written_into_the_runs_folder(runs: Path, named: list[str]) -> None:
    result = CliRunner().invoke(app, ["report", *named])
    assert (result.exit_code, result.output) == (0, "report: runs/mine/report.html\n")
    assert (runs / "mine" / "report.html").read_text(encoding="utf-8").startswith("<!doctype html>")


def test_for_scripts(runs: Path) -> None:
    result = CliRunner().invoke(app, ["report", "--json"])
    assert json.loads(result.output) == {"report": "runs/mine/report.html"}
    assert (runs / "mine" / "report.html").is_file()


@pytest.mark.parametrize("command", ["report", "watch"])
def test_what_is_no_run(runs: Path, command: str) -> None:
    (runs / "empty").mkdir()
    result = CliRunner().invoke(app, [command, "runs/empty"])
    assert result.exit_code == 2
    assert result.stderr.startswith("error: runs/empty holds no run")


def test_a_port_that_is_taken(runs: Path) -> None:
    from nbfed.watch.server import listen

    assert runs.is_dir()
    with listen(0) as taken:
        port = taken.getsockname()[1]
        result = CliRunner().invoke(app, ["watch", "--port", str(port)])
    assert result.exit_code == 2
    assert f"port {port} cannot be used" in result.stderr
