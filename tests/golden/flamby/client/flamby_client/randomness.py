"""Seeds that depend on what is done, not on when, where or in which order it is done."""

from __future__ import annotations

import hashlib
import random

import numpy as np
import torch


def seed_everything(seed: int, *scope: str | int) -> None:
    """Seed python's, numpy's and torch's generators for one step of a run.

    ``scope`` names the step, as in ``seed_everything(42, "train", "cleveland", 3)``: a site that
    is restarted, or that shares a process with others, draws the same numbers all the same.
    """
    name = ":".join(str(part) for part in (seed, *scope))
    number = int.from_bytes(hashlib.sha256(name.encode()).digest()[:4], "big")
    random.seed(number)
    np.random.seed(number)
    torch.manual_seed(number)
