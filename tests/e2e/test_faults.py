"""What goes wrong in a federation, with real processes: each time the outcome is as stated,
nothing hangs, nothing is lost that was finished, and no process stays behind."""

from __future__ import annotations

import json
import os
import resource
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

from tests.e2e.command import nbfed
from tests.e2e.faults import (
    NAME,
    TRAIN,
    Federation,
    kill,
    output_of,
    superlink_of,
    write_faulty_study,
)

TAP = """\
import os

import httpx

send = httpx.HTTPTransport.handle_request


def tapped(self, request):
    with open(os.environ["TAP"], "ab") as file:
        file.write(repr((str(request.url), request.headers.raw)).encode() + request.read())
    return send(self, request)


httpx.HTTPTransport.handle_request = tapped
"""

# The machine's clock is as wrong as the file says, in seconds.
CLOCK = """\
import datetime
import os
import time

real = time.time


def wrong():
    with open(os.environ["CLOCK"]) as file:
        return float(file.read() or 0)


class Shifted(datetime.datetime):
    @classmethod
    def now(cls, tz=None):
        return super().now(tz) + datetime.timedelta(seconds=wrong())


time.time = lambda: real() + wrong()
datetime.datetime = Shifted
"""

Start = Callable[[Path], Federation]


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A study of two sites and three rounds, built; all sites are needed."""
    folder = tmp_path_factory.mktemp("pair")
    write_faulty_study(folder, ("north", "south"), "rounds: 3\n")
    return folder


@pytest.fixture(scope="module")
def undisturbed(pair: Path) -> dict[str, np.ndarray]:
    """The pair's final weights where nothing goes wrong."""
    done = nbfed(
        *("simulate", "study/study.ipynb", "--baselines", "none", "--run-dir", "simulation"),
        cwd=pair,
    )
    assert done.code == 0, done.err
    weights: dict[str, np.ndarray] = load_file(pair / "simulation" / "model.safetensors")
    return weights


@pytest.fixture(scope="module")
def solo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A study of one site, built."""
    folder = tmp_path_factory.mktemp("solo")
    write_faulty_study(folder, ("north",), "rounds: 3\n")
    return folder


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Makes a federation in a copy of a study; its processes are gone at the test's end."""
    made: list[Federation] = []

    def copy(study: Path) -> Federation:
        shutil.copytree(study, tmp_path, dirs_exist_ok=True)
        made.append(Federation(tmp_path))
        return made[0]

    yield copy
    for federation in made:
        federation.close()


def same(folder: Path, weights: dict[str, np.ndarray]) -> bool:
    found = load_file(folder / "model.safetensors")
    return all(np.array_equal(found[name], array) for name, array in weights.items())


def test_what_a_site_does_wrong_costs_its_part_of_the_round_and_tells_no_secret(
    tmp_path_factory: pytest.TempPathFactory, start: Start
) -> None:
    study = tmp_path_factory.mktemp("trio")
    write_faulty_study(study, ("north", "south", "west"), "rounds: 6\nmin_sites: 1\n")
    data = study / "study"
    (data / "west.csv").write_text((data / "west.csv").read_text().splitlines()[0] + "\n")
    federation = start(study)
    federation.faults("south", "raise nan shape huge unknown none")
    (federation.folder / "tap").mkdir()
    (federation.folder / "tap" / "sitecustomize.py").write_text(TAP)
    path = f"{federation.folder / 'tap'}:{Path(__file__).parents[2]}"
    server = federation.server()
    south = federation.site("south", PYTHONPATH=path, TAP=str(federation.folder / "tapped"))
    others = [federation.site(name) for name in ("north", "west")]
    assert federation.ends(server, south, *others) == [0, 0, 0, 0], federation.log("server")

    assert [e["sites"] for e in federation.of("round-finished")] == [
        *[["north"]] * 4,
        *[["north", "south"]] * 2,
    ]
    # A metric that is no number is the site's own affair: its weights count.
    replied = {(e["round"], e["site"]): e["train"] for e in federation.of("site-replied")}
    assert replied[5, "south"] == {"train_loss": None}
    means = {e["round"]: e["train"]["train_loss"] for e in federation.of("round-finished")}
    assert means[5] == replied[5, "north"]["train_loss"]
    failed = federation.of("site-failed")
    reasons = {e["round"]: e["reason"] for e in failed if e["site"] == "south"}
    assert reasons[1].startswith("ValueError in train.py line ")
    assert "(study.ipynb cell 6 line 9)" in reasons[1]
    assert reasons[2] == "its weights are not finite: '0.weight'"
    assert reasons[3].startswith("the trained weights are not those of the model that came")
    assert reasons[4] == "metric 'train_loss' is infinite, or too large for a measurement"
    west = [e["reason"] for e in failed if e["site"] == "west"]
    assert west == ["it trained on no examples"] * 6

    # The site's own log has the whole of it; the server and the wire have nothing.
    own = federation.folder / ".nbfed/study/sites/south/site.log"
    assert f"could not convert string to float: '{NAME}'" in own.read_text()
    tapped = (federation.folder / "tapped").read_bytes()
    assert b"/v1/fleet/push-object" in tapped
    assert b"ValueError in train.py line" in tapped
    written = [
        *federation.run.rglob("*"),
        *(p for p in (federation.folder / ".nbfed").rglob("*") if "sites" not in p.parts),
        federation.folder / "server.log",
        federation.folder / "tapped",
    ]
    contents = {p: p.read_bytes() for p in written if p.is_file()}
    assert federation.run / "events.jsonl" in contents
    assert any(p.name == "superlink.log" for p in contents)
    for word in NAME.encode().split():
        assert [p for p, content in contents.items() if word in content] == []


def test_a_site_that_is_killed_while_it_trains_and_comes_back_has_part_in_the_round(
    pair: Path, undisturbed: dict[str, np.ndarray], start: Start
) -> None:
    federation = start(pair)
    federation.faults("south", "none sleep:600 none none")
    server, north = federation.server(), federation.site("north")
    south = federation.site("south")
    federation.until(lambda: len(federation.faults_left("south")) == 2)
    kill(south.pid)
    south.wait()
    again = federation.site("south")
    assert federation.ends(server, north, again) == [0, 0, 0], federation.log("server")
    assert [e["sites"] for e in federation.of("round-finished")] == [["north", "south"]] * 3
    assert [e["site"] for e in federation.of("site-joined")].count("south") == 2
    assert federation.of("site-failed") == []
    assert same(federation.run, undisturbed)


def test_a_server_that_dies_twice_goes_on_with_its_sites_each_time(
    pair: Path, undisturbed: dict[str, np.ndarray], start: Start
) -> None:
    federation = start(pair)
    federation.faults("south", "none sleep:3 none sleep:3 none")
    server = federation.server()
    sites = [federation.site("north"), federation.site("south")]

    def in_round(number: int) -> bool:
        return any(e["round"] == number for e in federation.of("round-started"))

    federation.until(lambda: in_round(2))
    kill(superlink_of(server))
    assert federation.ends(server) == [4]
    (ended,) = federation.of("run-finished")
    assert (ended["outcome"], ended["rounds_done"]) == ("aborted", 1)
    assert "the SuperLink does not answer any more" in ended["reason"]
    assert "1 round is kept: go on with --resume run" in federation.log("server")

    server = federation.server("--resume", "run")
    federation.until(lambda: in_round(3))
    kill(server.pid)
    server.wait()
    # Its children end with it.
    federation.until(lambda: federation.marked() == {site.pid for site in sites})
    assert len(federation.of("run-finished")) == 1

    server = federation.server("--resume", "run")
    assert federation.ends(server, *sites) == [0, 0, 0], federation.log("server")
    assert [e["rounds_done"] for e in federation.of("run-resumed")] == [1, 2]
    assert [e["round"] for e in federation.of("round-finished")] == [1, 2, 3]
    assert federation.events[-1]["outcome"] == "finished"
    assert same(federation.run, undisturbed)


def test_a_flipped_bit_in_the_newest_checkpoint_costs_its_round_alone(
    pair: Path, undisturbed: dict[str, np.ndarray], start: Start
) -> None:
    federation = start(pair)
    federation.faults("south", "none none sleep:600 none none")
    server = federation.server()
    sites = [federation.site("north"), federation.site("south")]
    federation.until(lambda: len(federation.faults_left("south")) == 2)
    for process in (server, *sites):
        kill(process.pid)
        process.wait()
    federation.until(lambda: not federation.marked())
    newest = federation.run / "checkpoints" / "round-002.safetensors"
    with newest.open("r+b") as file:
        file.seek(-1000, os.SEEK_END)
        byte = file.read(1)[0]
        file.seek(-1000, os.SEEK_END)
        file.write(bytes([byte ^ 64]))
    server = federation.server("--resume", "run")
    sites = [federation.site("north"), federation.site("south")]
    assert federation.ends(server, *sites) == [0, 0, 0], federation.log("server")
    (resumed,) = federation.of("run-resumed")
    assert (resumed["file"], resumed["rounds_done"], resumed["damaged"]) == (
        "checkpoints/round-001.safetensors",
        1,
        ["checkpoints/round-002.safetensors"],
    )
    assert "damaged, and passed over: checkpoints/round-002" in federation.log("server")
    assert same(federation.run, undisturbed)


def test_a_site_that_hangs_past_the_deadline_is_left_out_until_it_is_back(
    tmp_path_factory: pytest.TempPathFactory, start: Start
) -> None:
    study = tmp_path_factory.mktemp("slow")
    settings = "rounds: 8\nmin_sites: 1\n"
    write_faulty_study(study, ("north", "south"), settings)
    yaml = study / "study" / "federation.yaml"
    yaml.write_text(yaml.read_text().replace("round_timeout: 200", "round_timeout: 8"))
    assert nbfed("build", "study/study.ipynb", cwd=study).code == 0
    federation = start(study)
    federation.faults("north", "sleep:1.5 " * 8)
    federation.faults("south", "sleep:12")
    server = federation.server()
    sites = [federation.site("north"), federation.site("south")]
    assert federation.ends(server, *sites) == [0, 0, 0], federation.log("server")
    rounds = {e["round"]: e for e in federation.of("round-finished")}
    assert len(rounds) == 8
    assert (rounds[1]["sites"], rounds[1]["missing"]) == (["north"], ["south"])
    assert (rounds[2]["sites"], rounds[2]["missing"]) == (["north"], ["south"])
    assert rounds[8]["sites"] == ["north", "south"]
    # A round that does not wait for it takes what the others take.
    assert rounds[2]["seconds"] < 8
    (failed,) = federation.of("site-failed")
    assert (failed["site"], failed["reason"]) == ("south", "no answer within 8 s")
    (late,) = federation.of("late-reply")
    assert (late["site"], late["round"]) == ("south", 1) and late["seconds"] > 8
    assert "south replied to round 1 after" in federation.log("server")


def test_a_wrong_clock_is_said_and_a_site_goes_on_when_it_is_set_right(
    pair: Path, undisturbed: dict[str, np.ndarray], start: Start
) -> None:
    federation = start(pair)
    federation.faults("south", "none sleep:3 none none")
    clock = federation.folder / "clock"
    (federation.folder / "shift").mkdir()
    (federation.folder / "shift" / "sitecustomize.py").write_text(CLOCK)
    path = f"{federation.folder / 'shift'}:{Path(__file__).parents[2]}"
    server, north = federation.server(), federation.site("north")

    def south(*options: str) -> subprocess.Popen[bytes]:
        return federation.site("south", *options, PYTHONPATH=path, CLOCK=str(clock))

    clock.write_text("600")
    federation.until(lambda: federation.of("site-joined"))
    assert federation.ends(south("--patience", "1")) == [4]
    ahead = "this machine's clock is 10 min ahead of the server's: set it right"
    (error,) = [line for line in federation.log("south").splitlines() if "error: " in line]
    assert error == f"south: error: {federation.address} does not let this site in: {ahead}"

    clock.write_text("0")
    again = south()
    federation.until(lambda: len(federation.faults_left("south")) == 2)
    clock.write_text("-600")
    behind = "does not let this site in yet: this machine's clock is 10 min behind the server's"
    federation.until(lambda: behind in federation.log("south"))
    clock.write_text("0")
    assert federation.ends(server, north, again) == [0, 0, 0], federation.log("server")
    assert federation.log("south").count(behind) == 1
    assert [e["sites"] for e in federation.of("round-finished")] == [["north", "south"]] * 3
    assert federation.of("site-failed") == []
    assert same(federation.run, undisturbed)


@pytest.fixture(scope="module")
def loose(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A study of two sites that can do with one, and waits 12 s for who went away."""
    study = tmp_path_factory.mktemp("loose")
    write_faulty_study(study, ("north", "south"), "rounds: 6\nmin_sites: 1\n")
    yaml = study / "study" / "federation.yaml"
    yaml.write_text(yaml.read_text().replace("join_timeout: 200", "join_timeout: 12"))
    assert nbfed("build", "study/study.ipynb", cwd=study).code == 0
    return study


def test_a_site_that_is_killed_for_good_ends_its_round_long_before_the_deadline(
    loose: Path, start: Start
) -> None:
    federation = start(loose)
    federation.faults("south", "none sleep:600")
    server, north = federation.server(), federation.site("north")
    south = federation.site("south")
    federation.until(lambda: federation.of("checkpoint") and not federation.faults_left("south"))
    kill(south.pid)
    south.wait()
    assert federation.ends(server, north) == [0, 0], federation.log("server")
    (lost,) = federation.of("site-lost")
    assert (lost["round"], lost["site"]) == (2, "south")
    (failed,) = federation.of("site-failed")
    assert failed["reason"] == "it went away and was not back within 12 s"
    rounds = federation.of("round-finished")
    assert [e["missing"] for e in rounds] == [[]] + [["south"]] * 5
    # It is told after two signs of life that lack, and given up 12 s later; the deadline is 200 s.
    assert rounds[1]["seconds"] < 150


def test_a_site_that_stands_still_is_waited_for_and_goes_on_where_it_was(
    pair: Path, undisturbed: dict[str, np.ndarray], start: Start
) -> None:
    federation = start(pair)
    federation.faults("south", "none sleep:5 none none")
    server, north = federation.server(), federation.site("north")
    south = federation.site("south")
    federation.until(lambda: len(federation.faults_left("south")) == 2)
    os.kill(south.pid, signal.SIGSTOP)
    federation.until(lambda: federation.of("site-lost"))
    federation.until(lambda: federation.of("waiting")[-1]["last_seen"])
    os.kill(south.pid, signal.SIGCONT)
    assert federation.ends(server, north, south) == [0, 0, 0], federation.log("server")
    (lost,) = federation.of("site-lost")
    assert (lost["round"], lost["site"]) == (2, "south")
    assert "waiting for south, last seen" in federation.log("server")
    assert federation.of("site-failed") == []
    assert [e["sites"] for e in federation.of("round-finished")] == [["north", "south"]] * 3
    assert same(federation.run, undisturbed)


def test_a_site_that_stands_still_for_too_long_takes_part_again_when_it_goes_on(
    loose: Path, start: Start
) -> None:
    federation = start(loose)
    federation.faults("north", "none none" + " sleep:3" * 4)
    federation.faults("south", "none sleep:5")
    server, north = federation.server(), federation.site("north")
    south = federation.site("south")
    federation.until(lambda: federation.of("checkpoint") and not federation.faults_left("south"))
    os.kill(south.pid, signal.SIGSTOP)
    federation.until(lambda: federation.of("site-failed"))
    os.kill(south.pid, signal.SIGCONT)
    assert federation.ends(server, north, south) == [0, 0, 0], federation.log("server")
    (failed,) = federation.of("site-failed")
    assert failed["reason"] == "it went away and was not back within 12 s"
    assert [e["site"] for e in federation.of("site-joined")].count("south") == 2
    rounds = federation.of("round-finished")
    both = ["north", "south"]
    assert (rounds[0]["sites"], rounds[1]["sites"], rounds[-1]["sites"]) == (both, ["north"], both)
    # Also of the round in which it came back it is told that it had no part.
    assert [sorted(e["sites"] + e["missing"]) for e in rounds] == [both] * 6


def test_a_worker_of_a_simulation_that_is_killed_costs_its_part_of_the_round(
    loose: Path, start: Start
) -> None:
    federation = start(loose)
    federation.faults("south", "none sleep:600 none none none none")
    simulation = federation.simulation("--baselines", "none", "--workers", "2")
    federation.until(lambda: len(federation.faults_left("south")) == 4)
    (worker,) = [pid for pid in federation.marked() if output_of(pid).endswith("worker-2.log")]
    kill(worker)
    assert federation.ends(simulation) == [0], federation.log("server")
    (failed,) = federation.of("site-failed")
    assert (failed["round"], failed["site"]) == (2, "south")
    assert failed["reason"] == "the process of site south ended (signal 9)"
    rounds = federation.of("round-finished")
    assert [e["missing"] for e in rounds] == [[], ["south"], [], [], [], []]
    # A process that ends is seen at once.
    assert rounds[1]["seconds"] < 100


def test_a_full_disk_ends_the_run_and_the_checkpoint_before_stays_whole(
    solo: Path, start: Start
) -> None:
    federation = start(solo)
    federation.faults("north", "none sleep:2 none")
    server, north = federation.server(), federation.site("north")
    federation.until(lambda: federation.of("checkpoint"))
    # From now on, no file of the server may be as large as a checkpoint.
    resource.prlimit(server.pid, resource.RLIMIT_FSIZE, (60_000, 60_000))
    assert federation.ends(server, north) == [4, 4]
    assert "the run has ended before its time: the server aborted it" in federation.log("north")
    (ended,) = federation.of("run-finished")
    assert (ended["outcome"], ended["rounds_done"], ended["file"]) == ("aborted", 1, "")
    assert "File too large" in ended["reason"]
    (kept,) = (federation.run / "checkpoints").iterdir()
    assert kept.name == "round-001.safetensors"
    assert load_file(kept)["0.weight"].shape == (8000, 2)
    assert not (federation.run / "model.safetensors").exists()


@pytest.fixture(scope="module")
def keeping(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A study of two sites that keep their optimizers, and can do with one."""
    study = tmp_path_factory.mktemp("keeping")
    train = TRAIN.replace("train_loss\n", "train_loss keep=optimizer\n", 1)
    train = train.replace("lr=LR", "lr=LR, momentum=0.9")
    write_faulty_study(study, ("north", "south"), "rounds: 4\nmin_sites: 1\n", train=train)
    return study


def test_a_full_disk_at_a_site_costs_its_part_and_its_old_state_stays_whole(
    keeping: Path, start: Start
) -> None:
    federation = start(keeping)
    federation.faults("south", "none sleep:3 sleep:3 none")
    own = federation.folder / ".nbfed/study/sites/south"
    own.mkdir(mode=0o700, parents=True)
    # Of what the site writes, this and what it keeps are larger than the limit, and no other file.
    (own / "site.log").write_text("an old line\n" * 6000)
    server, north = federation.server(), federation.site("north")
    south = federation.site("south")
    federation.until(lambda: len(federation.faults_left("south")) == 2)
    resource.prlimit(south.pid, resource.RLIMIT_FSIZE, (60_000, resource.RLIM_INFINITY))
    federation.until(lambda: federation.of("site-failed"))
    (kept,) = (own / "local").iterdir()
    assert kept.name.endswith(".000001.safetensors")
    assert load_file(kept)["kept"].size > 60_000
    resource.prlimit(south.pid, resource.RLIMIT_FSIZE, (-1, -1))
    assert federation.ends(server, north, south) == [0, 0, 0], federation.log("server")
    (failed,) = federation.of("site-failed")
    kept_text = "what this site keeps between rounds cannot be written (File too large)"
    assert (failed["round"], failed["site"]) == (2, "south")
    assert failed["reason"] == f"{kept_text}: make room for its state folder"
    both = ["north", "south"]
    assert [e["sites"] for e in federation.of("round-finished")] == [both, ["north"], both, both]
    assert sorted(path.name.split(".")[1] for path in (own / "local").iterdir()) == [
        "000003",
        "000004",
    ]
    said = federation.log("south")
    assert said.count(kept_text) == 1
    assert said.count(f"{own / 'site.log'} cannot be written (File too large): make room") == 1
    assert "Traceback" not in said and "Logging error" not in said
    assert "round 4: trained on" in (own / "site.log").read_text()


def test_nothing_leaves_a_site_whose_audit_log_cannot_be_written(
    keeping: Path, start: Start
) -> None:
    federation = start(keeping)
    federation.faults("south", "none sleep:3 none none")
    own = federation.folder / ".nbfed/study/sites/south"
    (federation.folder / "tap").mkdir()
    (federation.folder / "tap" / "sitecustomize.py").write_text(TAP)
    path = f"{federation.folder / 'tap'}:{Path(__file__).parents[2]}"
    tapped = federation.folder / "tapped"
    server, north = federation.server(), federation.site("north")
    south = federation.site("south", PYTHONPATH=path, TAP=str(tapped))
    federation.until(lambda: len(federation.faults_left("south")) == 2)
    log = own / "audit.jsonl"
    log.rename(own / "before.jsonl")
    log.symlink_to("/dev/full")
    sent = tapped.stat().st_size
    assert federation.ends(south, server, north) == [1, 0, 0], federation.log("server")
    failed, *others = federation.of("site-failed")
    assert (failed["round"], failed["site"]) == (2, "south")
    assert failed["reason"] == "its audit log cannot be written, and without one nothing leaves it"
    # The next round's message may reach it in its last moments; it is not waited for then.
    ended = "it has ended, as it said in its last answer"
    assert [(e["round"], e["reason"]) for e in others] in ([], [(3, ended)])
    rounds = federation.of("round-finished")
    assert [e["sites"] for e in rounds] == [["north", "south"], *[["north"]] * 3]
    assert federation.log("south").splitlines()[-1] == (
        f"south: error: {log} cannot be written (No space left on device), and without a log "
        "nothing is done: make room, or whatever it lacks, and start again"
    )
    # The first round's weights are some hundred kilobytes.
    assert sent > 100_000
    assert tapped.stat().st_size - sent < 30_000
    log.unlink()
    (own / "before.jsonl").rename(log)
    chain = [json.loads(line) for line in log.read_text().splitlines()]
    assert [entry["event"] for entry in chain] == ["approved", "started", "answered", "answered"]


def test_ctrl_c_in_a_round_leaves_a_run_that_can_go_on(solo: Path, start: Start) -> None:
    federation = start(solo)
    federation.faults("north", "none sleep:600")
    server, north = federation.server(), federation.site("north")
    federation.until(lambda: federation.of("checkpoint") and not federation.faults_left("north"))
    server.send_signal(signal.SIGINT)
    assert federation.ends(server) == [130]
    ended = federation.events[-1]
    assert (ended["event"], ended["outcome"], ended["rounds_done"]) == (
        "run-finished",
        "stopped",
        1,
    )
    assert (federation.run / "model.safetensors").is_file()
    assert federation.marked() == {north.pid}
    north.send_signal(signal.SIGINT)
    assert federation.ends(north) == [130]
    assert "Traceback" not in federation.log("server") + federation.log("north")
