"""What a bug report needs to know of this machine, and nothing that tells whose it is."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import sys
from collections.abc import Mapping
from dataclasses import dataclass

from packaging.requirements import Requirement

from nbfed import __version__

_EXTRAS = ("ipython", "mlflow-skinny", "onnx", "pandas", "ray", "tensorboard")


@dataclass(frozen=True)
class Environment:
    """Versions by distribution ("" where it is missing), and what is wrong with them, in lines.

    Holds no path, no host's or user's name and no variable's value.
    """

    nbfed: str
    python: str
    system: str
    cores: int
    packages: Mapping[str, str]
    problems: tuple[str, ...]


def environment() -> Environment:
    """Look at this interpreter and what is installed beside nbfed."""
    required = [
        Requirement(line) for line in importlib.metadata.requires("nbfed") or () if ";" not in line
    ]
    packages = {need.name: installed(need.name) for need in required}
    problems = [
        f"{need.name} {packages[need.name]} is installed, but nbfed needs {need}"
        if packages[need.name]
        else f"{need.name} is missing: pip install '{need}'"
        for need in required
        if not need.specifier.contains(packages[need.name] or "0", prereleases=True)
    ]
    packages.update({name: installed(name) for name in _EXTRAS})
    return Environment(
        nbfed=__version__,
        python=f"{platform.python_implementation()} {platform.python_version()}",
        system=f"{platform.system()} {platform.machine()}",
        cores=os.cpu_count() or 1,
        packages=dict(sorted(packages.items(), key=lambda item: item[0].lower())),
        problems=(*_python_problems(), *problems),
    )


def installed(distribution: str) -> str:
    """The version of a distribution, "" where there is none."""
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return ""


def _python_problems() -> tuple[str, ...]:
    if sys.platform == "win32":
        return ("Windows is not tested: run nbfed in WSL",)
    return ()
