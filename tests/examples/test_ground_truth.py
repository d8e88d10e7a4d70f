"""One round, the same data and seed: notebook and federation give the same weights and metrics."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from nbfed.roles import Role

from .ground_truth import ROOT, Case, of_a_federation, of_a_kernel

EXAMPLES = ROOT / "examples"
SLIDES = str(EXAMPLES / "pathology" / "data" / "north")
HEART = EXAMPLES / "heart-disease"
CASES = {
    "heart": Case(
        HEART / "heart.ipynb",
        params={"EPOCHS": 2},
        site={"DATA_FILE": str(HEART / "data" / "va.csv")},
    ),
    "flamby": Case(
        HEART / "flamby.ipynb",
        site={"DATA_FILE": str(HEART / "data" / "switzerland.csv")},
    ),
    "pathology": Case(
        EXAMPLES / "pathology" / "pathology.ipynb",
        params={"EPOCHS": 1, "STRIDE": 48},
        site={"SLIDES": SLIDES},
    ),
    "segmentation": Case(
        EXAMPLES / "segmentation" / "segmentation.ipynb",
        params={"EPOCHS": 1, "CROPS_A_SLIDE": 4},
        site={"SLIDES": SLIDES},
        model="unet",
    ),
    "ecg": Case(
        EXAMPLES / "ecg" / "ecg.ipynb",
        params={"EPOCHS": 1},
        site={"BEATS": str(EXAMPLES / "ecg" / "data" / "ambulance.npz")},
        model="net",
    ),
    "clinics": Case(
        EXAMPLES / "clinics" / "clinics.ipynb",
        params={"EPOCHS": 5},
        site={"DATA_FILE": str(EXAMPLES / "clinics" / "data" / "newyork.csv")},
    ),
    "shapes": Case(
        EXAMPLES / "notebook-federator" / "shapes.ipynb",
        site={"data_path": str(EXAMPLES / "notebook-federator" / "data" / "institution-2")},
        model="net",
        driver={
            Role.DATA: "trainloader, testloader = load_data(data_path)",
            Role.MODEL: "net = Model()",
            Role.TRAIN: "train(net, trainloader)",
            Role.EVALUATE: "loss, accuracy = test(net, testloader)",
        },
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_the_federation_of_one_site_does_what_the_notebook_does(name: str, tmp_path: Path) -> None:
    case = CASES[name]
    expected = of_a_kernel(case, tmp_path)
    found = of_a_federation(case, tmp_path)
    assert list(found.weights) == list(expected.weights)
    for entry, tensor in expected.weights.items():
        assert torch.equal(found.weights[entry], tensor), entry
    assert found.numbers
    assert found.numbers == {metric: expected.numbers[metric] for metric in found.numbers}


def test_every_example_is_compared() -> None:
    compared = {case.notebook for case in CASES.values()}
    assert compared == set(EXAMPLES.glob("*/*.ipynb"))
