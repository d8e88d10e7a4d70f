"""The process that exports: ``python -m nbfed.export.child REQUEST``, a JSON object.

It alone runs the notebook's code. The last line of its output is a JSON object: {"checked": ...,
"inputs": ...}, or {"error": ..., "hint": ...}.
"""

from __future__ import annotations

import json
import os
import sys
import traceback
from pathlib import Path
from typing import Any

import nbfed.engine  # noqa: F401 (settles Flower's environment before it is imported)
from nbfed.builds import federation_of, find_build, notebook_folder
from nbfed.export.example import ROWS, Form, from_data, from_shapes
from nbfed.export.formats import WRITERS
from nbfed.export.model import ExportError, run_model, site_data


def main() -> int:
    """Export as asked; 0 if a file was written."""
    asked = json.loads(sys.argv[1])
    # What the notebook's code prints is not the answer.
    answer = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    try:
        told = _export(asked)
    except ExportError as error:
        traceback.print_exc()
        told = {"error": str(error), "hint": error.hint}
    except Exception as error:  # noqa: BLE001 (the notebook's code may raise anything)
        traceback.print_exc()
        told = {"error": f"{type(error).__name__}: {error}", "hint": ""}
    print(json.dumps(told), file=answer, flush=True)
    return int("error" in told)


def _export(asked: dict[str, Any]) -> dict[str, Any]:
    build, run = Path(asked["build"]).resolve(), Path(asked["run"]).resolve()
    file = Path(asked["file"]).resolve()
    model = run_model(build, run, best=asked["best"])
    forms, source = _forms(asked, model, build, run)
    checked = WRITERS[asked["format"]](model, forms, file)
    inputs = [_spelled(shape, dtype) for shape, dtype in forms]
    return {"checked": checked, "inputs": inputs, "source": source}


def _spelled(shape: tuple[int, ...], dtype: object) -> str:
    sizes = ", ".join(["rows", *map(str, shape[1:])])
    return f"[{sizes}] {str(dtype).removeprefix('torch.')}"


def _forms(asked: dict[str, Any], model: Any, folder: Path, run: Path) -> tuple[list[Form], str]:
    if asked["shapes"]:
        return from_shapes(asked["shapes"], asked["dtypes"]), "--input-shape"
    build = find_build(folder)
    federation, _ = federation_of(build)
    if not federation.sites:
        raise ExportError(
            "there is no site on this machine whose data tell what the model takes",
            f"say it: --input-shape {ROWS},13",
        )
    name = sorted(federation.sites)[0]
    config = json.loads((run / "build.json").read_text(encoding="utf-8"))["run_config"]
    os.chdir(notebook_folder(build))
    try:
        data = site_data(build, {"site": name, **federation.sites[name].node_config()}, config)
    except Exception as error:
        raise ExportError(
            f"the data of {name}, which would tell what the model takes, cannot be loaded",
            f"say it: --input-shape {ROWS},13",
        ) from error
    return from_data(model, data), f"the data of {name} (their shape and type alone)"


if __name__ == "__main__":
    sys.exit(main())
