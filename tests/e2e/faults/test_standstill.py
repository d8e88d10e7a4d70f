"""Sites that are stopped for a while, as a suspended machine is."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import numpy as np

from tests.e2e.faults.federation import Start, same


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
