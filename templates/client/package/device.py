"""Which device this site lets the notebook's code have: ``device:`` in site.yaml.

The code says itself when it takes a GPU (``cuda``, ``torch.cuda.is_available()``); what it can see
of them is settled here, for the whole process, before torch looks.
"""

from __future__ import annotations

import os
import re

from .exits import SiteError

AUTO = "auto"

_FORM = re.compile(r"auto|cpu|cuda(:\d+)?")
_VISIBLE = "CUDA_VISIBLE_DEVICES"


def is_device(text: object) -> bool:
    """Say whether ``text`` is "auto", "cpu", "cuda" or "cuda:N"."""
    return isinstance(text, str) and bool(_FORM.fullmatch(text))


def choose_device(device: str) -> None:
    """Let this process see no GPU ("cpu"), one of them ("cuda:1"), or what there is ("auto").

    The one GPU is the notebook's ``cuda`` and its ``cuda:0``. Raises SiteError where it is not
    there.
    """
    if device == AUTO:
        return
    os.environ[_VISIBLE] = "" if device == "cpu" else _visible(device)
    # Not before: torch looks for GPUs once.
    import torch

    if device != "cpu" and not torch.cuda.is_available():
        raise SiteError(f"device is {device}, but torch finds no such GPU here: write auto, or cpu")


def _visible(device: str) -> str:
    """Return the name that CUDA has for the device, among those that this process may see."""
    number = int(device.partition(":")[2] or 0)
    given = [name.strip() for name in os.environ.get(_VISIBLE, "").split(",") if name.strip()]
    if not given:
        return str(number)
    if number >= len(given):
        raise SiteError(f"device is {device}, but this process may see {len(given)} GPUs")
    return given[number]
