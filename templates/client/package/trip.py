"""One message of the server: what it asks for, read and checked before anything is done."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from flwr.app import ArrayRecord, ConfigRecord, Message

from .array_bytes import holds_half, in_half, outline
from .digest import package_digest
from .failure_codes import Failure
from .failures import Refusal
from .wire import is_packed, pack, unpack

DIGEST = package_digest(Path(__file__).resolve().parent)


@dataclass(frozen=True)
class Trip:
    """The weights that a message brings, and how to train or evaluate them.

    ``params`` are the server's values for the notebook's parameters. ``evaluate`` asks for the
    metrics of the weights before the training. ``packed`` and ``half`` tell in which form the
    weights came. ``run`` names the run. The last three are what the strategy adds to the training,
    see ``LocalTerms``.
    """

    arrays: ArrayRecord
    packed: bool
    round: int
    params: dict[str, Any]
    seed: int
    evaluate: bool
    run: str = ""
    term: str = ""
    proximal: float = 0.0
    control: ArrayRecord | None = None

    @property
    def half(self) -> bool:
        """Whether the weights came in half precision."""
        return holds_half(self.arrays)

    def reply_form(self, arrays: ArrayRecord) -> ArrayRecord:
        """Return ``arrays`` in the form in which the server's came."""
        travelling = in_half(arrays) if self.half else arrays
        return pack(travelling) if self.packed else travelling

    def outlined(self) -> Trip:
        """Return this trip with the weights' types and shapes alone."""
        return replace(self, arrays=outline(self.arrays))


def read_trip(message: Message) -> Trip:
    """Read a train or an evaluate message, and leave the weights' types and shapes alone in it.

    Raises Refusal where the server was built for another package, or the message is no such one.
    """
    check_digest(message)
    config = message.content.config_records["config"]
    arrays = message.content.array_records.get("arrays")
    control = message.content.array_records.get("control")
    params = json.loads(str(config["params"]))
    if arrays is None or not isinstance(params, dict):
        raise Refusal("the message holds no weights, or no parameters")
    weights = unpack(arrays)
    # The message lives as long as the round does, the weights in this form need not.
    message.content["arrays"] = outline(weights)
    return Trip(
        arrays=weights,
        packed=is_packed(arrays),
        round=_whole(config, "server-round"),
        params=params,
        seed=_whole(config, "seed"),
        evaluate=bool(config.get("evaluate", False)),
        run=str(config.get("run", "")),
        term=str(config.get("local-term", "")),
        # Flower's own key, by which its FedProx sends mu.
        proximal=_number(config, "proximal-mu"),
        control=None if control is None else unpack(control),
    )


def check_digest(message: Message) -> None:
    """Raise Refusal if the message asks for another package than this one."""
    config = message.content.config_records.get("config")
    wanted = str(config.get("digest", "")) if config else ""
    if wanted != DIGEST:
        raise Refusal(
            f"this site runs package {DIGEST[:12]}, the server asks for {wanted[:12] or 'none'}",
            Failure.OTHER_PACKAGE,
        )


def _whole(config: ConfigRecord, key: str) -> int:
    value = config[key]
    if not isinstance(value, int):
        raise Refusal(f"the message's {key} is no whole number")
    return value


def _number(config: ConfigRecord, key: str) -> float:
    value = config.get(key, 0.0)
    if not isinstance(value, int | float) or not 0 <= value < math.inf:
        raise Refusal(f"the message's {key} is no number of at least 0")
    return float(value)
