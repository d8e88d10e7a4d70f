"""The same study with weights that travel in half precision."""

from __future__ import annotations

from dataclasses import replace

import yaml

from benchmarks.engines import Study


def in_half(study: Study) -> Study:
    """Return ``study`` in a folder of its own, with ``transport: {precision: half}``."""
    settings = yaml.safe_load(study.settings.read_text())
    # It names the notebook from its own folder, which is another one.
    settings.pop("notebook", None)
    folder = study.folder / "half"
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "federation.yaml"
    file.write_text(yaml.safe_dump(settings | {"transport": {"precision": "half"}}))
    return replace(study, folder=folder, federation=file)
