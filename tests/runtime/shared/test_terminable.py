"""Polite requests to end, sent to a small process."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from nbfed.template_folder import templates_path

MODULE = templates_path() / "shared/terminable.py"

# Says that it waits, and at its end writes to its terminal before it says where it came to.
SCRIPT = """\
import sys, time
from terminable import Interrupted, terminable
out = open(sys.argv[1], "w", buffering=1)
with terminable():
    try:
        print("waiting", flush=True)
        time.sleep(100)
    except Interrupted:
        out.write("interrupted ")
        time.sleep(0.3)
        print("stopped", flush=True)
        out.write("ended")
"""


def started(out: Path, terminal: int, *before: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [*before, sys.executable, "-c", SCRIPT, str(out)],
        stdin=subprocess.DEVNULL,
        stdout=terminal,
        env={**os.environ, "PYTHONPATH": str(MODULE.parent)},
    )


@pytest.mark.parametrize("again", [False, True])
def test_a_closed_terminal_ends_the_work_in_order(tmp_path: Path, again: bool) -> None:
    ours, theirs = pty.openpty()
    process = started(tmp_path / "out", theirs)
    os.close(theirs)
    try:
        assert os.read(ours, 7) == b"waiting"
        os.close(ours)
        process.send_signal(signal.SIGHUP)
        while again and not (tmp_path / "out").read_text():
            pass
        if again:
            process.send_signal(signal.SIGHUP)
        assert process.wait(60) == 0
    finally:
        process.kill()
        process.wait()
    assert (tmp_path / "out").read_text() == "interrupted ended"


def test_what_nohup_started_goes_on_without_its_terminal(tmp_path: Path) -> None:
    ours, theirs = os.pipe()
    shell = 'trap "" HUP; exec "$@"'
    process = started(tmp_path / "out", theirs, "sh", "-c", shell, "sh")
    os.close(theirs)
    try:
        assert os.read(ours, 7) == b"waiting"
        process.send_signal(signal.SIGHUP)
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(0.3)
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0
    finally:
        os.close(ours)
        process.kill()
        process.wait()
