"""CPU time of commands in processes of their own, and of compiling in this one."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

from nbfed.compiler import compile_notebook
from nbfed.emit import Requirements, build_files
from nbfed.federation.schema import Federation


def command_seconds(*arguments: str | Path, cwd: Path, repeat: int) -> float:
    """CPU seconds (user and system) of ``nbfed ARGUMENTS``: the median of some runs.

    Raises CalledProcessError where the command fails.
    """
    return statistics.median(_once([*map(str, arguments)], cwd) for _ in range(repeat))


def compile_seconds(data: bytes, repeat: int) -> float:
    """CPU seconds from a notebook's bytes to all files of its build: the best of some runs."""
    return min(_compiled(data) for _ in range(repeat))


def _once(arguments: list[str], cwd: Path) -> float:
    root = Path(__file__).resolve().parents[2]
    process = subprocess.Popen(
        [sys.executable, "-m", "nbfed", *arguments],
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": str(root)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, ["nbfed", *arguments])
    return usage.ru_utime + usage.ru_stime


def _compiled(data: bytes) -> float:
    start = time.process_time()
    compilation = compile_notebook(data, "bench.ipynb")
    if compilation.program is None:
        raise ValueError(f"the notebook does not compile: {compilation.diagnostics}")
    federation = Federation().named("bench")
    build_files(
        compilation.program, federation, Requirements((), ()), notebook="", federation_file=""
    )
    return time.process_time() - start
