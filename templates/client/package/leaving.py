"""What a reply holds, to the last entry: the last look before it leaves, and the log's account."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from flwr.app import ArrayRecord, ConfigRecord, Message, MetricRecord, RecordDict

from .array_bytes import HALF
from .egress import EXAMPLES
from .exchange import check_like
from .failures import Refusal
from .wire import unpack

QUERY, TRAIN, EVALUATE = "query", "train", "evaluate"

# The records that a reply may have, by the kind of the message, and no others.
_RECORDS: dict[str, frozenset[str]] = {
    QUERY: frozenset({"site", "sizes"}),
    TRAIN: frozenset({"arrays", "metrics", "evaluation", "timing", "control", "steps"}),
    EVALUATE: frozenset({"metrics", "timing"}),
}
_ABOUT_SITE = frozenset({"site", "digest", "package", "python", "torch", "flwr"})
_TIMING = frozenset({"load-seconds", "train-seconds", "evaluate-seconds"})
_STEPS = frozenset({"local-steps"})


@dataclass(frozen=True)
class LeavingArray:
    """One entry of the model: its record, its name, its form, and the SHA-256 of its values."""

    record: str
    name: str
    dtype: str
    shape: tuple[int, ...]
    bytes: int
    sha256: str


@dataclass(frozen=True)
class Leaving:
    """All that a reply holds. ``numbers`` are by record and name."""

    arrays: tuple[LeavingArray, ...]
    numbers: dict[str, dict[str, float]]
    words: dict[str, str]

    @property
    def bytes(self) -> int:
        """The size of the arrays."""
        return sum(array.bytes for array in self.arrays)

    def as_json(self) -> dict[str, Any]:
        """Return it as JSON has it: null for what is no number."""
        arrays = [{**asdict(array), "shape": list(array.shape)} for array in self.arrays]
        numbers = {
            record: {name: value if math.isfinite(value) else None for name, value in of.items()}
            for record, of in self.numbers.items()
        }
        return {"arrays": arrays, "numbers": numbers, "words": self.words}


def inspected(
    message: Message, reply: Message, declared: Mapping[str, Collection[str] | None]
) -> Leaving:
    """Return what ``reply`` holds.

    ``declared`` has the names of metrics by record, None for names that are made as it runs.
    Raises Refusal for anything but weights like those that came, and numbers by such names.
    """
    kind, content = message.metadata.message_type, reply.content
    if strangers := set(content) - _RECORDS.get(kind, frozenset()):
        raise Refusal(f"the reply holds {len(strangers)} records that no reply has")
    came = message.content.array_records
    numbers: dict[str, Collection[str] | None] = {
        "timing": _TIMING,
        "steps": _STEPS,
        **{name: None if of is None else {EXAMPLES, *of} for name, of in declared.items()},
    }
    arrays: list[LeavingArray] = []
    found: dict[str, dict[str, float]] = {}
    words: dict[str, str] = {}
    for name, record in content.items():
        if isinstance(record, ArrayRecord) and name in ("arrays", "control") and name in came:
            arrays += _arrays(name, unpack(record), unpack(came[name]))
        elif isinstance(record, MetricRecord) and name in numbers:
            found[name] = _numbers(name, record, numbers[name])
        elif isinstance(record, ConfigRecord) and name == "site":
            words = _words(record)
        else:
            raise Refusal(f"the reply's {name} is not what it should be")
    return Leaving(tuple(arrays), found, words)


def size_of(content: RecordDict) -> int:
    """Return the bytes of the arrays in ``content``, as they travel."""
    return sum(
        len(array.data) for record in content.array_records.values() for array in record.values()
    )


def _arrays(record: str, arrays: ArrayRecord, came: ArrayRecord) -> list[LeavingArray]:
    if reason := check_like(arrays, came):
        raise Refusal(f"the reply's {record} are not like those that came: {reason}")
    return [
        LeavingArray(
            record,
            name,
            f"{array.dtype} in half precision" if array.stype == HALF else array.dtype,
            tuple(array.shape),
            len(array.data),
            hashlib.sha256(array.data).hexdigest(),
        )
        for name, array in arrays.items()
    ]


def _numbers(record: str, metrics: MetricRecord, names: Collection[str] | None) -> dict[str, float]:
    for name, value in metrics.items():
        if names is not None and name not in names:
            raise Refusal(f"the reply's {record} hold a number that this package does not declare")
        if not isinstance(value, int | float):
            raise Refusal(f"the reply's {record} hold something that is not a single number")
    return {name: value for name, value in metrics.items() if isinstance(value, int | float)}


def _words(record: ConfigRecord) -> dict[str, str]:
    if set(record) - _ABOUT_SITE:
        raise Refusal("the reply tells more about this site than its name and versions")
    return {name: str(value) for name, value in record.items()}
