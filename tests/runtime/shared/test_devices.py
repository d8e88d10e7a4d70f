from __future__ import annotations

import logging

import pytest
import torch
from torch import nn

from tests.runtime.modules import template_module

devices = template_module("shared/devices.py")

GPU = torch.device("cuda:0")


@pytest.fixture
def no_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    devices._tell.cache_clear()


@pytest.mark.usefixtures("no_gpu")
def test_a_model_and_its_batches_stay_on_the_cpu() -> None:
    with devices.present_devices():
        model = nn.Sequential(nn.Linear(3, 3), nn.BatchNorm1d(3)).to(GPU).cuda()
        model.to("cuda")
        made = [
            torch.zeros(4, 3, device=GPU),
            torch.ones(4, 3, device="cuda:1"),
            torch.rand(4, 3).to(GPU, non_blocking=True),
            torch.rand(4, 3).cuda(),
        ]
        loss = sum(model(batch).sum() for batch in made)
        loss.backward()
    assert {tensor.device.type for tensor in [*made, *model.parameters()]} == {"cpu"}
    assert all(parameter.grad is not None for parameter in model.parameters())


@pytest.mark.usefixtures("no_gpu")
def test_other_devices_and_arguments_are_left_alone() -> None:
    with devices.present_devices():
        assert torch.zeros(2, device="meta").device.type == "meta"
        assert torch.zeros(2).to(torch.float64).dtype is torch.float64


@pytest.mark.usefixtures("no_gpu")
def test_it_is_told_once(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING), devices.present_devices():
        torch.rand(1).cuda()
        torch.rand(1).to("cuda")
    assert [record.getMessage() for record in caplog.records] == [
        "there is no GPU here: what the notebook puts on one runs on the CPU"
    ]


@pytest.mark.usefixtures("no_gpu")
def test_a_function_can_be_run_so() -> None:
    @devices.on_present_devices
    def double(value: torch.Tensor) -> torch.Tensor:
        return value.cuda() * 2

    assert double(torch.ones(1)).item() == 2


def test_where_there_is_a_gpu_nothing_is_changed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    with devices.present_devices() as entered:
        assert entered is None
