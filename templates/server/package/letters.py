"""What the server writes to a site: the weights, and a few plain values."""

from __future__ import annotations

import json
from collections.abc import Iterable

from flwr.app import ArrayRecord, ConfigRecord, Message, MessageType, RecordDict

from .array_bytes import in_half
from .settings import CLIENT_DIGEST, HALF, Settings


def config_for(
    settings: Settings, server_round: int, *, run: str, evaluate: bool, final: bool = False
) -> ConfigRecord:
    """Return the values that go with the weights.

    By ``run``, the run's own name, a site finds what it kept since the last round. ``evaluate``
    asks for the received weights' metrics before the training; ``final`` tells that no other
    message of this run will follow.
    """
    return ConfigRecord(
        {
            "server-round": server_round,
            "run": run,
            "final-round": settings.rounds,
            "digest": CLIENT_DIGEST,
            "params": json.dumps(settings.params, sort_keys=True),
            "seed": settings.seed,
            "evaluate": evaluate,
            "final": final,
        }
    )


def evaluate_letter(arrays: ArrayRecord, config: ConfigRecord, node: int) -> Message:
    """Return a message that asks a site to evaluate ``arrays`` and nothing else."""
    content = RecordDict({"arrays": arrays, "config": config})
    return Message(content, node, MessageType.EVALUATE)


def set_precision(letters: Iterable[Message], settings: Settings) -> None:
    """Put the letters' arrays in half precision where ``settings`` ask for it.

    What letters share is made once. A site answers in the precision that it was written to in.
    """
    if settings.transport_precision != HALF:
        return
    # By their ids, beside which they are kept, lest another object gets the same id.
    made: dict[int, tuple[ArrayRecord, ArrayRecord]] = {}
    for letter in letters:
        for key, arrays in list(letter.content.array_records.items()):
            if id(arrays) not in made:
                half = in_half(arrays)
                made[id(arrays)] = made[id(half)] = (arrays, half)
            letter.content[key] = made[id(arrays)][1]


def bytes_of(letter: Message) -> int:
    """Count the bytes of weights in a message."""
    return sum(record.count_bytes() for record in letter.content.array_records.values())
