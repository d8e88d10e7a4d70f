"""Clocks that are wrong."""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np

from tests.e2e.faults.federation import Start, same

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


def test_a_wrong_clock_is_said_and_a_site_goes_on_when_it_is_set_right(
    pair: Path, undisturbed: dict[str, np.ndarray], start: Start
) -> None:
    federation = start(pair)
    federation.faults("south", "none sleep:3 none none")
    clock = federation.folder / "clock"
    path = federation.running_first(CLOCK)
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
