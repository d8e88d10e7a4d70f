"""The data contract: what the notebook's code takes for granted about a site's data.

It is a description of the coordinator's own data, made by `nbfed contract`, and travels in the
kit as contract.json: kinds, types and shapes of the data and of a batch, the columns of tables,
the numbers of classes, and the ranges of values, widened. A site compares its own data with it,
and what differs is told on this site's screen and in its log alone.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .description import Description
from .exits import SiteError

CONTRACT_FILE = "contract.json"
FORMAT = 1

# A range may be left by as much as it is wide: other hospitals have other patients, but not
# pixels of 0 to 255 where the coordinator's are 0 to 1.
_TOLERANCE = 1.0


@dataclass(frozen=True)
class Contract:
    """``package`` is the digest of the package whose data it describes; ``model`` are the entries
    of the model, by name, as type and shape.
    """

    package: str
    data: dict[str, Description]
    model: dict[str, tuple[str, tuple[int, ...]]]

    def to_json(self) -> str:
        """Return the text of contract.json."""
        model = {name: [dtype, list(shape)] for name, (dtype, shape) in self.model.items()}
        content = {"format": FORMAT, "package": self.package, "data": self.data, "model": model}
        return json.dumps(content, indent=2) + "\n"


@dataclass(frozen=True)
class Difference:
    """A place in the data, such as ``train_loader.batch[0]``, and what is not as it should be.

    ``serious`` are those with which the notebook's code cannot be right.
    """

    place: str
    text: str
    serious: bool = True


def read_contract(folder: Path) -> Contract | None:
    """Read the contract in ``folder``, or return None where there is none; raises SiteError."""
    path = folder / CONTRACT_FILE
    try:
        content = json.loads(path.read_bytes())
        if content["format"] != FORMAT:
            raise ValueError("a format that this package does not know")
        model = {
            str(name): (str(dtype), tuple(map(int, shape)))
            for name, (dtype, shape) in content["model"].items()
        }
        return Contract(str(content["package"]), dict(content["data"]), model)
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise SiteError(f"{path} is no data contract: get it anew from the coordinator") from error


def differences(
    wanted: Mapping[str, Description], found: Mapping[str, Description]
) -> list[Difference]:
    """Return how ``found``, a description of this site's data, differs from the contract."""
    result = []
    for name, description in wanted.items():
        if name in found:
            result += _compared(name, description, found[name])
        else:
            result.append(Difference(name, "is not there"))
    return result


def _compared(place: str, wanted: Description, found: Description) -> list[Difference]:
    kind = wanted["kind"]
    if found["kind"] != kind:
        return [Difference(place, f"is a {found['kind']}, not a {kind}")]
    if kind == "loader":
        if not found["examples"]:
            return [Difference(place, "has no examples")]
        if wanted["batch"] is None or found["batch"] is None:
            return []
        return _compared(f"{place}.batch", wanted["batch"], found["batch"])
    if kind in ("tuple", "list"):
        return _items(place, wanted["items"], found["items"])
    if kind == "dict":
        return _entries(place, wanted["entries"], found["entries"])
    if kind == "table":
        return _columns(place, wanted["columns"], found["columns"])
    if kind == "array":
        return _arrays(place, wanted, found)
    if wanted["type"] != found["type"]:
        return [Difference(place, f"is a {found['type']}, not a {wanted['type']}")]
    return []


def _items(place: str, wanted: list[Any], found: list[Any]) -> list[Difference]:
    if len(found) != len(wanted):
        return [Difference(place, f"has {len(found)} parts, not {len(wanted)}")]
    pairs = enumerate(zip(wanted, found, strict=True))
    return [each for i, (one, other) in pairs for each in _compared(f"{place}[{i}]", one, other)]


def _entries(place: str, wanted: dict[str, Any], found: dict[str, Any]) -> list[Difference]:
    result = []
    for key, description in wanted.items():
        if key in found:
            result += _compared(f"{place}[{key!r}]", description, found[key])
        else:
            result.append(Difference(place, f"has no {key!r}"))
    return result


def _columns(place: str, wanted: dict[str, str], found: dict[str, str]) -> list[Difference]:
    result = []
    if missing := [name for name in wanted if name not in found]:
        result.append(Difference(place, f"has no column {_listed(missing)}"))
    for name, kind in wanted.items():
        if name in found and found[name] != kind:
            # 0 and 1 are read as numbers or as flags, and mean the same.
            serious = {kind, found[name]} != {"number", "flag"}
            text = f"has the column {name!r} as {found[name]}, not as {kind}"
            result.append(Difference(place, text, serious))
    if extra := [name for name in found if name not in wanted]:
        result.append(Difference(place, f"has more columns: {_listed(extra)}", serious=False))
    return result


def _arrays(place: str, wanted: Description, found: Description) -> list[Difference]:
    result = []
    if found["dtype"] != wanted["dtype"]:
        result.append(Difference(place, f"is of {found['dtype']}, not of {wanted['dtype']}"))
    if not _fits(wanted["shape"], found["shape"]):
        shapes = f"{_shape(found['shape'])}, not {_shape(wanted['shape'])}"
        result.append(Difference(place, f"has the shape {shapes}"))
    if text := _labels_differ(wanted, found):
        result.append(Difference(place, text))
    if text := _range_differs(wanted.get("range"), found.get("range")):
        result.append(Difference(place, text, serious=False))
    if found.get("not_finite") and not wanted.get("not_finite"):
        result.append(Difference(place, "has values that are NaN or infinite", serious=False))
    return result


def _fits(wanted: list[int | None] | None, found: list[int | None] | None) -> bool:
    """Compare sizes; None stands for one that differs from batch to batch."""
    if wanted is None or found is None:
        return wanted is None
    return len(wanted) == len(found) and all(
        one is None or one == other for one, other in zip(wanted, found, strict=True)
    )


def _shape(shape: list[int | None] | None) -> str:
    if shape is None:
        return "(of several dimensions)"
    return "(" + ", ".join("*" if size is None else str(size) for size in shape) + ")"


def _labels_differ(wanted: Description, found: Description) -> str:
    classes = wanted.get("classes")
    if classes is None or found.get("classes", classes + 1) <= classes:
        return ""
    if "classes" in found:
        return f"has labels up to {found['classes'] - 1}, and there are {classes} classes from 0 on"
    return f"has values that are none of the {classes} classes from 0 on"


def _range_differs(wanted: list[float] | None, found: list[float] | None) -> str:
    if not wanted or not found:
        return ""
    low, high = wanted
    slack = _TOLERANCE * (high - low) or abs(high) or 1.0
    if low - slack <= found[0] and found[1] <= high + slack:
        return ""
    return f"has values from {found[0]:g} to {found[1]:g}, far from {low:g} to {high:g}"


def _listed(names: list[str]) -> str:
    return ", ".join(map(repr, names))
