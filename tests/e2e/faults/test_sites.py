"""Sites that do wrong, die, hang or stand still: the rounds that count, and who was in them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.e2e.command import nbfed
from tests.e2e.faults.federation import NAME, TAP, Start, kill, same, write_faulty_study


def test_what_a_site_does_wrong_costs_its_part_of_the_round_and_tells_no_secret(
    tmp_path_factory: pytest.TempPathFactory, start: Start
) -> None:
    study = tmp_path_factory.mktemp("trio")
    write_faulty_study(study, ("north", "south", "west"), "rounds: 6\nmin_sites: 1\n")
    data = study / "study"
    (data / "west.csv").write_text((data / "west.csv").read_text().splitlines()[0] + "\n")
    federation = start(study)
    federation.faults("south", "raise nan shape huge unknown none")
    path = federation.running_first(TAP)
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
