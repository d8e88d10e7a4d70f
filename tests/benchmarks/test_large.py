"""The benchmarks with large models, at a tiny size."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from benchmarks.__main__ import SMALL, command_of
from benchmarks.attempts import Attempts
from benchmarks.engines import ROOT, build
from benchmarks.growth import measure as growth
from benchmarks.growth.__main__ import measured, shape_of
from benchmarks.growth.__main__ import row as growth_row
from benchmarks.growth.measure import Point
from benchmarks.growth.plots import by_sites, by_size
from benchmarks.large import measure
from benchmarks.large.__main__ import table
from benchmarks.large.study import LARGE, Shape, study
from benchmarks.memory import Memory, child_named
from benchmarks.precision import in_half
from benchmarks.processes import Failed
from benchmarks.relay import Relay
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
    on_line, traffic = measure.on_a_line(work, made, TINY)
    assert on_line > 0
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


def test_the_same_study_in_half_precision(tmp_path: Path) -> None:
    work = study(tmp_path / "work", TINY, sites=2, rounds=2)
    made = build(in_half(work))
    defaults = (made / "server" / "large_server" / "defaults.py").read_text()
    assert '"transport-precision": "half"' in defaults
    assert (
        '"transport-precision": "full"'
        in (build(work) / "server" / "large_server" / "defaults.py").read_text()
    )


def test_a_relay_is_as_slow_as_it_is_told() -> None:
    sent = b"x" * 60_000
    with (
        socket.create_server(("127.0.0.1", 0)) as listener,
        Relay(f"127.0.0.1:{listener.getsockname()[1]}", rate=300_000) as relay,
    ):
        host, _, port = relay.address.partition(":")
        start = time.monotonic()
        with socket.create_connection((host, int(port))) as near:
            far, _ = listener.accept()
            near.sendall(sent)
            near.shutdown(socket.SHUT_WR)
            with far:
                taken = b"".join(iter(lambda: far.recv(65536), b""))
        # Hardly less than the line takes; how much more is the machine's affair.
        assert time.monotonic() - start > 0.9 * len(sent) / 300_000
        assert taken == sent


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
        "line_round_seconds": 21.0,
        "traffic": {"site001": 2.004, "site002": 2.001},
        "memory": {
            "server": 5.1,
            "superlink": 4.0,
            "gateway": 0.2,
            "site001": 4.1,
            "site002": 4.0,
            "site003": 3.9,
        },
        "server_memory": 5.4,
        "training_memory": 3.7,
        "stock": {"round_seconds": 50.0, "traffic": {"site001": 2.6}},
        "stock_one_trip": {"round_seconds": 20.0, "traffic": {"site001": 2.01}},
    }
    lines = [line.split() for line in table(found).splitlines()]
    assert lines[0] == ["101", "MB,", "3", "sites,", "3", "rounds", "at", "most"]
    assert [line[-1] for line in lines[1:3]] == ["5.0", "21.0"]
    assert [line[-1] for line in lines if line[:2] == ["the", "federation's"]] == ["0.20", "0.25"]
    assert [line[-2:] for line in lines if line[-1] in ("2.05", "4.5", "6", "0.20")] == [
        ["2.004", "2.05"],
        ["4.1", "4.5"],
        ["5.4", "6"],
        ["0.10", "0.20"],
    ]
    # What failed is left out, and nothing else with it.
    del found["memory"], found["traffic"]
    fewer = table({**found, "half": {"round_seconds": [3.0]}}).splitlines()
    assert [line.split()[-1] for line in fewer[-2:]] == ["precision:", "3.0"]
    assert not any("x model: a site" in line for line in fewer)
    assert any("SuperNodes" in line for line in fewer)


def test_a_part_that_fails_does_not_take_the_others_with_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def fails() -> Point:
        raise Failed("it ended with exit code 1")

    point = Point("simulate", 3, 4_000_000, 1.5, 10**9)
    attempts = Attempts()
    found = measured(iter([("3 sites", fails), ("10 sites", lambda: point)]), attempts)
    assert (found, attempts.failed) == ([point], ["3 sites"])
    assert "not measured: 3 sites: it ended with exit code 1" in capsys.readouterr().out
    with pytest.raises(SystemExit, match="not measured: 3 sites"):
        attempts.end()
    Attempts().end()


def test_the_whole_names_options_that_its_parts_have(tmp_path: Path) -> None:
    for name in SMALL:
        command = command_of(name, tmp_path, no_stock=True, small=True)
        done = subprocess.run([*command, "--help"], capture_output=True, check=False, cwd=ROOT)
        assert done.returncode == 0, done.stderr
