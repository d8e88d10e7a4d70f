from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
import torch

from tests.runtime import demo
from tests.runtime.loading import Client, importable

VISIBLE = "CUDA_VISIBLE_DEVICES"


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    folder = tmp_path_factory.mktemp("device")
    demo.write_packages(demo.program(), folder)
    with importable(folder / "client"):
        yield Client("demo_client", {"site": "a"})


@pytest.fixture
def device(client: Client) -> ModuleType:
    return client.module("device")


def test_what_names_a_device(device: ModuleType) -> None:
    assert all(map(device.is_device, ("auto", "cpu", "cuda", "cuda:0", "cuda:12")))
    assert not any(map(device.is_device, ("", "gpu", "cuda:", "cuda:x", "CPU", 0, None)))


@pytest.mark.parametrize(
    ("chosen", "before", "visible"),
    [
        ("auto", None, None),
        ("auto", "3", "3"),
        ("cpu", None, ""),
        ("cpu", "0,1", ""),
        ("cuda", None, "0"),
        ("cuda:1", None, "1"),
        # A scheduler has given this process two of the machine's GPUs.
        ("cuda:1", "4, 6", "6"),
        ("cuda:0", "GPU-8d9c,GPU-77ae", "GPU-8d9c"),
    ],
)
def test_the_process_sees_the_device_alone(
    device: ModuleType,
    monkeypatch: pytest.MonkeyPatch,
    chosen: str,
    before: str | None,
    visible: str | None,
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setenv(VISIBLE, before or "")
    if before is None:
        monkeypatch.delenv(VISIBLE)
    device.choose_device(chosen)
    assert os.environ.get(VISIBLE) == visible


def test_a_gpu_that_is_not_there_is_told(
    client: Client, device: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    error = client.module("exits").SiteError
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setenv(VISIBLE, "")
    with pytest.raises(error, match="device is cuda:0, but torch finds no such GPU here"):
        device.choose_device("cuda:0")
    monkeypatch.setenv(VISIBLE, "4")
    with pytest.raises(error, match="device is cuda:1, but this process may see 1 GPUs"):
        device.choose_device("cuda:1")


def test_all_that_works_as_a_site_has_its_device(
    client: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in (VISIBLE, "FLWR_HOME", "FLWR_TELEMETRY_ENABLED", "FLWR_DISABLE_UPDATE_CHECK"):
        monkeypatch.setenv(name, "1")
    with client.module("surroundings").at_site("a", tmp_path / "state", tmp_path, "cpu"):
        assert os.environ[VISIBLE] == ""
