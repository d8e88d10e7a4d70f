from __future__ import annotations

from dataclasses import replace

import pytest

from nbfed.emit.devices import client_asks_for_gpu, server_asks_for_gpu
from nbfed.program import Fragment, Program, Stage
from nbfed.roles import Role

MODEL = Stage(Role.MODEL, "build_model", module=(Fragment(1, 1, "model = Net()"),))
PROGRAM = Program("a.ipynb", (), (), Stage(Role.DATA, "load_data"), MODEL, Stage(Role.TRAIN, "t"))


def training(code: str) -> Program:
    return replace(PROGRAM, train=replace(PROGRAM.train, body=(Fragment(1, 1, code),)))


@pytest.mark.parametrize(
    "code",
    [
        "device = 'cuda'",
        "device = torch.device('cuda:0')",
        "model.cuda()",
        "for x, y in loader:\n    x = x.cuda(non_blocking=True)",
        "if fast:\n    model.cuda()",
    ],
)
def test_code_that_needs_a_gpu_is_seen(code: str) -> None:
    assert client_asks_for_gpu(training(code))
    assert not server_asks_for_gpu(training(code))


@pytest.mark.parametrize(
    "code",
    [
        "device = torch.device('cuda' if torch.cuda.is_available() else 'cpu')",
        "if torch.cuda.is_available():\n    model.cuda()",
        "use_gpu = torch.cuda.is_available()\nif use_gpu:\n    model.cuda()",
        "device = torch.cuda.is_available() and 'cuda' or 'cpu'",
        "with torch.amp.autocast('cuda'):\n    pass",
        "print('no cuda here')",
    ],
)
def test_code_that_asks_first_is_left_alone(code: str) -> None:
    assert not client_asks_for_gpu(training(code))


def test_a_model_made_on_a_gpu_needs_one_at_the_server() -> None:
    made = replace(MODEL, body=(Fragment(1, 1, "model = Net().cuda()"),))
    assert server_asks_for_gpu(replace(PROGRAM, model=made))
