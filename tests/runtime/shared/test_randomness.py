from __future__ import annotations

import hashlib
import random

import numpy as np
import torch

from tests.runtime.modules import template_module

randomness = template_module("shared/randomness.py")


def draws() -> tuple[float, float, float]:
    return random.random(), float(np.random.rand()), float(torch.rand(1))


def test_the_same_step_draws_the_same_numbers() -> None:
    randomness.seed_everything(42, "train", "cleveland", 3)
    first = draws()
    draws()
    randomness.seed_everything(42, "train", "cleveland", 3)
    assert draws() == first


def test_each_part_of_the_scope_counts() -> None:
    seen = set()
    for seed, *scope in (
        (42, "train", "cleveland", 3),
        (43, "train", "cleveland", 3),
        (42, "evaluate", "cleveland", 3),
        (42, "train", "hungarian", 3),
        (42, "train", "cleveland", 4),
        (42,),
    ):
        randomness.seed_everything(seed, *scope)
        seen.add(draws())
    assert len(seen) == 6


def test_the_number_is_the_first_32_bits_of_a_sha256() -> None:
    randomness.seed_everything(7, "data", "cleveland")
    expected = int(hashlib.sha256(b"7:data:cleveland").hexdigest()[:8], 16)
    assert torch.initial_seed() == expected
