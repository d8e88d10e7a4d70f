"""Every wheel that a package needs, resolved and fetched by pip for a named machine."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

from nbfed.bundle.target import Target
from nbfed.bundle.wheels import Wheel, read_wheel
from nbfed.errors import NbfedError

_LINES = 6


def download(
    requirements: Iterable[str], target: Target, constraint: Path | None, folder: Path
) -> tuple[Wheel, ...]:
    """Fetch the wheels of ``requirements`` and of all that those need; sorted by file name.

    pip reads its own settings as ever (index, find-links, certificate). Which versions it takes
    is a matter of the day, unless ``constraint`` names them. Raises NbfedError with pip's last
    words.
    """
    command = _command(requirements, target, constraint, folder)
    done = subprocess.run(
        command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    if done.returncode:
        said = [line.removeprefix("ERROR: ") for line in done.stderr.splitlines() if line.strip()]
        errors = [line for line in said if not line.startswith("WARNING")][-_LINES:]
        raise NbfedError(
            f"pip finds no wheels for {target.platform} and Python {target.python}: "
            + " / ".join(errors),
            hint="only wheels are taken, none is built from source: name other versions with "
            "--constraint, or another --platform or --python",
        )
    return tuple(read_wheel(path) for path in sorted(folder.glob("*.whl")))


def _command(
    requirements: Iterable[str], target: Target, constraint: Path | None, folder: Path
) -> Sequence[str]:
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check"]
    command += ["--only-binary=:all:", "--implementation=cp", f"--python-version={target.python}"]
    command += [f"--platform={platform}" for platform in target.platforms]
    if constraint is not None:
        command += ["--constraint", str(constraint)]
    return [*command, "--dest", str(folder), *requirements]
