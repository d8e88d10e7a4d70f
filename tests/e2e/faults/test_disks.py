"""Disks that are full."""

from __future__ import annotations

import json
import resource
from pathlib import Path

import pytest
from safetensors.numpy import load_file

from tests.e2e.faults.federation import TAP, TRAIN, Start, write_faulty_study


@pytest.fixture(scope="module")
def keeping(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A study of two sites that keep their optimizers, and can do with one."""
    study = tmp_path_factory.mktemp("keeping")
    train = TRAIN.replace("train_loss\n", "train_loss keep=optimizer\n", 1)
    train = train.replace("lr=LR", "lr=LR, momentum=0.9")
    write_faulty_study(study, ("north", "south"), "rounds: 4\nmin_sites: 1\n", train=train)
    return study


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
    path = federation.running_first(TAP)
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
