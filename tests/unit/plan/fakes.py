"""Stand-ins for libraries that notebooks import and that are not installed here.

Each behaves like the library as far as the notebooks of these tests go: small, random, on CPU.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any
from unittest.mock import MagicMock

import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset


class Images(Dataset):
    """Sixteen images with one label each."""

    classes = ("healthy", "ill")

    def __init__(self, *args: Any, shape: tuple[int, ...] = (3, 8, 8), **kwargs: Any) -> None:
        self.images = torch.rand(16, *shape)

    def __len__(self) -> int:
        return len(self.images)

    def montage(self, length: int) -> None:
        pass

    def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
        return self.images[index], index % 2


class Medical(Images):
    def __init__(self, split: str, **kwargs: Any) -> None:
        super().__init__(shape=(3, 28, 28))

    def __getitem__(self, index: int) -> tuple[torch.Tensor, torch.Tensor]:  # type: ignore[override]
        return self.images[index], torch.tensor([index % 2])


class Scans(Dataset):
    """Dictionaries of an image and its label map."""

    def __init__(self, data: list[Any], transform: Any = None, **kwargs: Any) -> None:
        self.length = len(data)

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, index: int) -> dict[str, torch.Tensor]:
        return {"image": torch.rand(1, 8, 8), "label": torch.randint(0, 2, (1, 8, 8))}


class Backbone(nn.Module):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)
        self.fc = nn.Linear(4, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        features: torch.Tensor = self.conv(x).mean((2, 3))
        return self.fc(features)


class SegmentationNet(nn.Module):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__()
        self.conv = nn.Conv2d(1, 2, 3, padding=1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.conv(x)


class DiceLoss(nn.Module):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__()

    def forward(self, outputs: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        return nn.functional.cross_entropy(outputs, labels.squeeze(1))


class Metric:
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.values: list[float] = []

    def __call__(self, y_pred: Any, y: Any) -> None:
        self.values.append(0.5)

    def aggregate(self) -> torch.Tensor:
        return torch.tensor(self.values).mean()

    def reset(self) -> None:
        self.values = []


class Evaluator:
    def __init__(self, *args: Any) -> None:
        pass

    def evaluate(self, scores: Any) -> tuple[float, float]:
        return 0.75, 0.5


def identity(*args: Any, **kwargs: Any) -> Any:
    return lambda value: value


def same(value: Any, *args: Any, **kwargs: Any) -> Any:
    return value


def first(images: torch.Tensor, *args: Any, **kwargs: Any) -> torch.Tensor:
    return images[0]


def _module(name: str, **members: Any) -> ModuleType:
    module = ModuleType(name)
    module.__dict__.update(members)
    module.__spec__ = ModuleSpec(name, None)
    return module


class _Bar:
    def __init__(self, iterable: Any = None, *args: Any, **kwargs: Any) -> None:
        self.iterable = iterable

    def __iter__(self) -> Iterator[Any]:
        return iter(self.iterable)

    def set_postfix(self, *args: Any, **kwargs: Any) -> None:
        pass

    set_description = update = close = set_postfix


def _modules() -> list[ModuleType]:
    names = ("Compose", "ToTensor", "Normalize", "Resize", "AsDiscrete", "Grayscale")
    transforms = dict.fromkeys(names, identity)
    medical = {"PathMNIST": Medical, "__version__": "0", "HOMEPAGE": ""}
    info = {
        "pathmnist": {
            "task": "multi-class",
            "n_channels": 3,
            "label": {"0": "a", "1": "b"},
            "python_class": "PathMNIST",
        }
    }
    return [
        _module("torchvision.transforms", **transforms),
        _module("torchvision.datasets", ImageFolder=Images, MNIST=Images, CIFAR10=Images),
        _module("torchvision.models", resnet18=Backbone, densenet121=Backbone),
        _module("torchvision.utils", make_grid=first),
        _module("torchvision"),
        _module("monai.config", print_config=lambda: None),
        _module("monai.data", DataLoader=DataLoader, CacheDataset=Scans, decollate_batch=list),
        _module("monai.losses", DiceLoss=DiceLoss),
        _module("monai.metrics", DiceMetric=Metric),
        _module("monai.networks.nets", UNet=SegmentationNet),
        _module("monai.networks"),
        _module("monai.transforms", **transforms),
        _module("monai.utils", set_determinism=lambda seed: None),
        _module("monai.inferers", sliding_window_inference=lambda x, roi, n, net: net(x)),
        _module("monai"),
        _module("medmnist", INFO=info, Evaluator=Evaluator, **medical),
        # Plots are drawn by nothing.
        *(MagicMock(__name__=name) for name in ("matplotlib.pyplot", "matplotlib", "seaborn")),
        _module("tqdm", tqdm=_Bar),
        _module("tqdm.notebook", tqdm=_Bar),
        _module("tqdm.auto", tqdm=_Bar),
    ]


@contextmanager
def fake_libraries() -> Iterator[None]:
    """Make the stand-ins importable, for as long as the context lasts."""
    modules = {module.__name__: module for module in _modules()}
    for name, module in modules.items():
        parent, _, child = name.rpartition(".")
        if parent in modules:
            setattr(modules[parent], child, module)
    before = {name: sys.modules.get(name) for name in modules}
    sys.modules.update(modules)
    try:
        yield
    finally:
        for name, old in before.items():
            if old is None:
                sys.modules.pop(name, None)
            else:
                sys.modules[name] = old
