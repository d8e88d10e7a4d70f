"""``review``: what runs here, where it is from, what leaves, and what it reaches, on one page.

The page is made by reading the package: none of the notebook's code is run for it.
"""

from __future__ import annotations

import ast
import json
from collections.abc import Iterable, Iterator
from importlib import metadata
from pathlib import Path
from typing import Any

from . import __version__
from .approval import installed_digest, read_approval
from .digest import SOURCE_MAP
from .kit import KitError, is_kit, read_kit
from .place import COMMAND, Place
from .sightings import sightings

# What each module of the notebook's code is for.
_ROLES = {
    "data.py": "loads this site's data",
    "model.py": "makes the model",
    "train.py": "one round of training",
    "evaluate.py": "metrics on this site's data",
    "params.py": "parameters that the server may set",
    "site_config.py": "values of site.yaml",
}
# The model's entries are in the contract, which describes the coordinator's; it needs torch.
_CONTRACT = "contract.json"

_PACKAGE = Path(__file__).resolve().parent


def review(place: Place) -> str:
    """Return the page; raises SiteError."""
    about = _constants(_PACKAGE / "stages.py")
    notebook = str(about["NOTEBOOK"])
    parts = [
        (f"{COMMAND} {__version__}, from {notebook}", _origin(place)),
        ("What runs", _what_runs(notebook)),
        ("What leaves", _what_leaves(place, about)),
        ("What it reaches", _what_it_reaches(place)),
        ("Downloads and connections that the notebook's code seems to make", _sighted(notebook)),
        ("This site's rules", _rules(place)),
        ("Requirements", _requirements()),
    ]
    return "\n\n".join("\n".join([title, *(f"  {line}" for line in p)]) for title, p in parts)


def _constants(module: Path) -> dict[str, Any]:
    """Return the values of a module's constants, which are read and not run."""
    found = {}
    for node in ast.parse(module.read_text(encoding="utf-8")).body:
        target = node.targets[0] if isinstance(node, ast.Assign) else None
        if isinstance(node, ast.AnnAssign):
            target = node.target
        if isinstance(node, ast.Assign | ast.AnnAssign) and isinstance(target, ast.Name):
            try:
                found[target.id] = ast.literal_eval(node.value or ast.Constant(None))
            except ValueError:
                continue
    return found


def _origin(place: Place) -> Iterator[str]:
    yield f"installed in {_PACKAGE}"
    yield f"digest {installed_digest()}"
    if is_kit(place.folder):
        try:
            yield f"kit in {place.folder}, signed by {read_kit(place.folder).signer} (see `verify`)"
        except KitError as error:
            yield f"the kit in {place.folder} is NOT what was signed: {error.file} {error}"
    else:
        yield "there is no kit beside site.yaml, so nobody's signature was seen"
    if approval := read_approval(place.state):
        which = "this package" if approval.digest == installed_digest() else "ANOTHER package"
        yield f"{which} was approved here by {approval.by} on {approval.at}"
    else:
        yield "not approved here yet"


def _what_runs(notebook: str) -> Iterator[str]:
    mapped = _mapped()
    for name, role in _ROLES.items():
        if not (_PACKAGE / name).is_file():
            continue
        cells = sorted({cell for _, _, cell, _ in mapped.get(name, [])})
        where = ", ".join(f"{notebook}:cell {cell}" for cell in cells)
        yield f"{name:<15} {role}{f': {where}' if where else ''}"
    for helper in sorted(_PACKAGE.glob("helpers/**/*.py")):
        yield f"{helper.relative_to(_PACKAGE)}  a module beside the notebook"
    yield "all other modules are nbfed's, the same in each federation of this version"


def _what_leaves(place: Place, about: dict[str, Any]) -> Iterator[str]:
    exchanged = about["EXCHANGE"]
    entries = "all entries" if exchanged == ("all",) else f"the entries {', '.join(exchanged)}"
    yield f"in each round, with the number of examples and the seconds it took: {entries} of"
    yield "the model, in the names, shapes and types in which they came, and nothing else"
    yield from (f"  {line}" for line in _entries(place.folder / _CONTRACT))
    if about["MODEL_SIZES"]:
        yield f"before the first round, numbers of the data: {_names(about['MODEL_SIZES'])}"
    yield f"numbers of training: {_names(about['TRAIN_METRICS'])}"
    yield f"numbers of evaluation: {_names(about['EVALUATE_METRICS'])}"
    yield "once: this site's name, and the versions of this package, python, torch and flwr"
    yield "of a failure: the kind of the error and the line of code, never its text"
    yield "SCAFFOLD adds one array for each trained entry, FedNova the number of steps"


def _entries(path: Path) -> Iterator[str]:
    try:
        model = json.loads(path.read_bytes())["model"]
        for name, (dtype, shape) in model.items():
            yield f"{name}  {dtype} ({', '.join(map(str, shape))})"
    except FileNotFoundError:
        yield f"there is no {_CONTRACT} that lists them; `dry-run` does"
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        yield f"{_CONTRACT} cannot be read: see `check`"


def _names(names: Iterable[str] | None) -> str:
    if names is None:
        return "by names that the notebook makes as it runs: see `dry-run`, and policy.metrics"
    return ", ".join(names) or "none"


def _what_it_reaches(place: Place) -> Iterator[str]:
    file = place.file
    yield f"{file.server or 'no server yet'}, by TLS; its certificate has to be of {file.ca}"
    yield from (f"{each}, as policy.connections allows" for each in file.policy.connections)
    if file.policy.downloads:
        yield "ANY other address too, as policy.downloads allows"
    else:
        yield "nothing else: Python code that tries to is stopped (connections.py has the limits)"


def _sighted(notebook: str) -> Iterator[str]:
    mapped, none = _mapped(), True
    for path in sorted(_PACKAGE.rglob("*.py")):
        name = path.relative_to(_PACKAGE).as_posix()
        if name not in _ROLES and not name.startswith("helpers/"):
            continue
        for each in sightings(path.read_text(encoding="utf-8")):
            none = False
            cell = _cell(mapped.get(name, []), each.line, notebook)
            yield f"{name}:{each.line}{cell}  {each.text}"
    if none:
        yield "none was found"


def _cell(mapped: list[list[int]], line: int, notebook: str) -> str:
    for first, last, cell, cell_line in mapped:
        if first <= line <= last:
            return f" ({notebook}:cell {cell}:{cell_line + line - first})"
    return ""


def _rules(place: Place) -> Iterator[str]:
    for rule, value in place.file.policy.described().items():
        yield f"{rule}: {value}"


def _requirements() -> list[str]:
    try:
        return metadata.requires(COMMAND) or ["none"]
    except metadata.PackageNotFoundError:
        return [f"{COMMAND} was not installed with pip; they are in its pyproject.toml"]


def _mapped() -> dict[str, list[list[int]]]:
    mapped: dict[str, list[list[int]]] = json.loads((_PACKAGE / SOURCE_MAP).read_bytes())
    return mapped
