"""The build that a run was made with."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from nbfed.builds import find_build
from nbfed.emit import MANIFEST, Build
from nbfed.errors import NbfedError, UsageError

_DIGEST = 12


def run_facts(run: Path) -> dict[str, Any]:
    """The run's build.json; raises NbfedError where there is none."""
    try:
        facts: dict[str, Any] = json.loads((run / "build.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise NbfedError(f"{run}/build.json cannot be read: {error}") from None
    return facts


def build_of_run(run: Path, folder: Path | None, out: Path = Path("dist")) -> Build:
    """The build in ``folder``, or below ``out``, whose client package the run's sites ran.

    Raises UsageError where it is none of them.
    """
    facts = run_facts(run)
    folders = [folder] if folder else [path.parent for path in sorted(out.glob(f"*/{MANIFEST}"))]
    builds = [find_build(each) for each in folders]
    for build in builds:
        if build.manifest.client_digest == facts["client_digest"]:
            return build
    wanted = facts["client_digest"][:_DIGEST]
    seen = ", ".join(f"{each.folder} ({each.manifest.client_digest[:_DIGEST]})" for each in builds)
    raise UsageError(
        f"the run's build of {facts['name']} ({wanted}) is not here" + (f": {seen}" * bool(seen)),
        hint="name its folder with --build, or build again the notebook as it was for the run",
    )
