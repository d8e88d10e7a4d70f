"""The benchmarks with large models, at a tiny size."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest

from benchmarks.engines import build
from benchmarks.growth import measure as growth
from benchmarks.growth.__main__ import row as growth_row
from benchmarks.growth.__main__ import shape_of
from benchmarks.growth.plots import by_sites, by_size
from benchmarks.large import measure
from benchmarks.large.__main__ import table
from benchmarks.large.study import LARGE, Shape, study
from benchmarks.memory import Memory, child_named
from benchmarks.start import measure as start

TINY = Shape(16, 2)


def test_the_large_model_has_25_million_parameters() -> None:
    assert LARGE.bytes == 4 * 25_190_400
    assert shape_of(1) == Shape(256, 4)
    assert [round(shape_of(size).bytes / 1e6) for size in (10, 50, 100, 200)] == [8, 50, 101, 202]


def test_a_federation_is_measured_from_outside(tmp_path: Path) -> None:
    work = study(tmp_path / "large", TINY, sites=2, rounds=2)
    made = build(work)
    # The weights go out and come back in every round, with what belongs to them.
    traffic = measure.traffic(work, made, TINY)
    assert sorted(traffic) == ["site001", "site002"]
    assert all(2.0 < times < 40 for times in traffic.values())
    seconds, peaks = measure.federation(work, made, TINY, 1)
    assert seconds > 0
    assert set(peaks.processes) == {"server", "superlink", "gateway", "site001", "site002"}


def test_a_simulation_is_a_point_and_points_are_plots(tmp_path: Path) -> None:
    point = growth.simulated(tmp_path / "two", TINY, sites=2, rounds=2)
    assert (point.engine, point.sites, point.model_bytes) == ("simulate", 2, TINY.bytes)
    assert point.memory > 1e7
    assert point.seconds_per_site == pytest.approx(point.round_seconds / 2)
    for plot in (by_sites, by_size):
        plot([point, point], tmp_path / "out" / "plot.svg")
        assert "<svg" in (tmp_path / "out" / "plot.svg").read_text()
    assert growth_row(point).split()[:3] == ["simulate", "2", "0.0"]


def test_a_start_is_measured_step_by_step(tmp_path: Path) -> None:
    work = study(tmp_path / "start", TINY, sites=1, rounds=1)
    found = start.one_by_one(work, build(work), 1)
    steps = list(found.server.values())
    assert len(steps) == 3
    assert steps == sorted(steps)
    assert found.site > 0


def test_imports_are_summed_by_package() -> None:
    text = (
        "import time: self [us] | cumulative | imported package\n"
        "import time:      1000 |       1000 |   torch._C\n"
        "import time:      2000 |       3000 | torch\n"
        "site001: connected to 127.0.0.1:1\n"
        "import time:       500 |        500 |     json.decoder\n"
    )
    assert start.by_package(text) == {"torch": pytest.approx(0.003), "others": pytest.approx(5e-4)}


def test_memory_is_that_of_the_process_that_is_watched() -> None:
    code = (
        "import sys, time\n"
        "sys.stdin.readline()\n"
        "taken = bytearray(b'x') * 50_000_000\n"
        "del taken\n"
        "print(flush=True)\n"
        "sys.stdin.readline()\n"
    )
    pipe = subprocess.PIPE
    with subprocess.Popen([sys.executable, "-c", code], stdin=pipe, stdout=pipe) as child:
        assert child.stdin and child.stdout
        with Memory() as memory:
            memory.follow("child", child.pid)
            looks = memory.looks("child") + 3
            while memory.looks("child") < looks:
                time.sleep(0.01)
            begun = time.time()
            child.stdin.write(b"\n")
            child.stdin.flush()
            child.stdout.readline()
            looks = memory.looks("child") + 3
            while memory.looks("child") < looks:
                time.sleep(0.01)
        above = memory.peak("child") - memory.idle("child", begun)
        assert 45e6 < above < 60e6
        child.stdin.write(b"\n")
    assert child_named(child.pid, "nothing") is None


def test_the_table_sets_figures_beside_what_is_asked_for() -> None:
    found = {
        "model_bytes": LARGE.bytes,
        "sites": 3,
        "rounds": 3,
        "round_seconds": [4.0, 5.0, 9.0],
        "direct_round_seconds": [4.0, 4.0, 4.0],
        "traffic": {"site001": 2.004, "site002": 2.001},
        "memory": {"server": 5.1, "superlink": 4.0, "gateway": 0.2, "site001": 4.1},
        "server_memory": 7.0,
        "training_memory": 3.7,
        "stock_round_seconds": 50.0,
        "stock_traffic": {"site001": 2.01},
    }
    lines = [line.split() for line in table(found).splitlines()]
    assert lines[0] == ["101", "MB,", "3", "sites,", "3", "rounds", "at", "most"]
    assert [line[-1] for line in lines[1:4]] == ["5.0", "4.0", "1.25"]
    assert [line[-2:] for line in lines if line[-1] in ("2.05", "4.5", "6", "0.20")] == [
        ["2.004", "2.05"],
        ["4.1", "4.5"],
        ["5.1", "6"],
        ["0.10", "0.20"],
    ]
