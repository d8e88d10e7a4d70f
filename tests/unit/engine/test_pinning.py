from __future__ import annotations

import pytest

from nbfed.engine.pinning import devices_of, pinned


@pytest.mark.parametrize(
    ("devices", "workers", "expected"),
    [
        (["auto"] * 4, 2, [0, 1, 0, 1]),
        (["auto"] * 2, 1, [0, 0]),
        (["cpu", "cuda:0", "cpu"], 1, [0, 1, 0]),
        (["cpu", "cuda:0", "cpu", "cpu"], 4, [0, 1, 2, 0]),
    ],
)
def test_a_worker_has_one_device(devices: list[str], workers: int, expected: list[int]) -> None:
    found = pinned(devices, workers)
    assert found == expected
    assert len({(worker, device) for worker, device in zip(found, devices, strict=True)}) == len(
        set(found)
    )


def test_the_pooled_site_has_the_device_of_all() -> None:
    assert devices_of(["a", "b", "pooled"], {"a": "cpu", "b": "cpu"}) == ["cpu"] * 3
    assert devices_of(["a", "b", "pooled"], {"a": "cpu", "b": "auto"}) == ["cpu", "auto", "auto"]
