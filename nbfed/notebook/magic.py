"""``%nbfed``: the commands of nbfed on the notebook that is being edited.

Each runs as the same command would at a terminal, in a process of its own: the kernel's torch,
its random numbers and its working directory stay as they are.
"""

from __future__ import annotations

import json
import shlex
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from nbfed.errors import NbfedError, UsageError
from nbfed.notebook import html
from nbfed.notebook.display import Shown, show
from nbfed.notebook.path import notebook_path, saved_at
from nbfed.notebook.progress import Progress

# Those that take a notebook; the others are run as they are.
_ON_A_NOTEBOOK = ("build", "check", "init", "simulate", "sweep")
_GRACE = 10.0
_HELP = "%nbfed check, %nbfed build, %nbfed simulate, %nbfed init, or any other of `nbfed --help`"


def register(ipython: Any) -> None:
    """Make ``%nbfed`` known to this IPython."""

    def nbfed(line: str) -> None:
        """Run a command of nbfed: %nbfed check, build, simulate, init, ..."""
        run(line, ipython.user_ns)

    ipython.register_magic_function(nbfed, "line", "nbfed")


def run(line: str, namespace: Mapping[str, Any]) -> None:
    """Run the command in this line and display what comes of it.

    Raises UsageError where there is no such command or no notebook, NbfedError if it fails.
    """
    words = shlex.split(line)
    if not words:
        raise UsageError("which command?", hint=_HELP)
    command, *rest = words
    if command in _ON_A_NOTEBOOK and not {"--help", "-h"} & set(rest):
        given = next((word for word in rest if word.endswith(".ipynb")), None)
        if given is None:
            found = notebook_path(namespace)
            rest.insert(0, str(found))
        file = Path(given) if given else found
        if file.is_file():
            note = saved_at(file)
            show(html.note(note), note)
    _COMMANDS.get(command, _plain)(command, rest)


def _check(_command: str, arguments: list[str]) -> None:
    if any(word.startswith("--format") for word in arguments):
        _plain("check", arguments)
        return
    done = _run(["check", *arguments, "--format", "json"])
    try:
        findings = json.loads(done.stdout)
    except ValueError:
        raise _failed(done) from None
    # A second run, of half a second, for a screen that shows no HTML.
    text = _run(["check", *arguments]).stdout if findings else "No problems found."
    show(html.diagnostics(findings), text)
    if done.stderr:  # federation.yaml does not fit
        raise _failed(done)


def _build(_command: str, arguments: list[str]) -> None:
    done = _run(["build", *arguments])
    if done.returncode:
        raise _failed(done)
    text = f"{done.stderr}{done.stdout}"
    show(html.text(text), text)


def _simulate(_command: str, arguments: list[str]) -> None:
    if "--json" in arguments:
        _plain("simulate", arguments)
        return
    progress = Progress()
    shown = Shown()
    # Its errors go to a file: a pipe that nobody reads meanwhile would fill up.
    with tempfile.TemporaryFile("w+") as errors:
        with _started(["simulate", *arguments, "--json"], errors) as process:
            assert process.stdout is not None
            for line in process.stdout:
                progress.take(json.loads(line))
                shown.update(progress.html, progress.text)
            shown.update(progress.html, progress.text, now=True)
        errors.seek(0)
        if process.returncode:
            raise NbfedError(_last_error(errors.read()))
    if progress.results is not None:
        show(html.results(progress.results), html.results_text(progress.results))


def _plain(command: str, arguments: list[str]) -> None:
    done = _run([command, *arguments])
    text = f"{done.stderr}{done.stdout}" if not done.returncode else done.stdout
    if text:
        show(html.text(text), text)
    if done.returncode and done.stderr:
        raise _failed(done)


_COMMANDS: Mapping[str, Callable[[str, list[str]], None]] = {
    "build": _build,
    "check": _check,
    "simulate": _simulate,
}


def _run(arguments: list[str]) -> subprocess.CompletedProcess[str]:
    with _started(arguments) as process:
        out, err = process.communicate()
    return subprocess.CompletedProcess(arguments, process.returncode, out, err)


@contextmanager
def _started(
    arguments: list[str], errors: IO[str] | int = subprocess.PIPE
) -> Iterator[subprocess.Popen[str]]:
    """Run a command; an interrupt of the kernel is one of the command, which then tidies up."""
    process = subprocess.Popen(
        [sys.executable, "-m", "nbfed", *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=errors,
        text=True,
        # The interrupt is sent once, by us; a terminal would send a second one to its group.
        start_new_session=True,
    )
    try:
        yield process
        process.wait()
    except BaseException:
        process.send_signal(signal.SIGINT)
        try:
            process.communicate(timeout=_GRACE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
        raise


def _failed(done: subprocess.CompletedProcess[str]) -> NbfedError:
    return NbfedError(_last_error(done.stderr) or f"nbfed ended with exit code {done.returncode}")


def _last_error(text: str) -> str:
    """What the command said, without the word that the message gets anyway."""
    return text.strip().removeprefix("error: ")
