"""One site's training of the large model as a plain loop: the memory that training itself takes.

    python -m benchmarks.large.loop --width 1024 --layers 24

Prints one JSON object: the most bytes that the process took above what it took before it had a
model.
"""

from __future__ import annotations

import argparse
import json
import os

import torch
from torch import nn

from benchmarks.memory import status

EXAMPLES, BATCH_SIZE, LR, MOMENTUM = 64, 32, 0.01, 0.9


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--width", type=int, required=True)
    parser.add_argument("--layers", type=int, required=True)
    options = parser.parse_args()
    torch.set_num_threads(1)
    before = status(os.getpid())["VmRSS"]
    inputs = torch.randn(EXAMPLES, options.width)
    targets = inputs.roll(1, dims=1)
    model = nn.Sequential(*(nn.Linear(options.width, options.width) for _ in range(options.layers)))
    criterion = nn.MSELoss()
    optimizer = torch.optim.SGD(model.parameters(), lr=LR, momentum=MOMENTUM)
    for start in range(0, EXAMPLES, BATCH_SIZE):
        rows = slice(start, start + BATCH_SIZE)
        optimizer.zero_grad()
        criterion(model(inputs[rows]), targets[rows]).backward()
        optimizer.step()
    print(json.dumps({"bytes": status(os.getpid())["VmHWM"] - before}))


if __name__ == "__main__":
    main()
