"""One round, the same data and seed: notebook and federation give the same weights."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from nbfed.roles import Role

from .ground_truth import ROOT, Case, weights_in_a_kernel, weights_of_a_federation

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
        },
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_the_federation_of_one_site_trains_what_the_notebook_trains(
    name: str, tmp_path: Path
) -> None:
    case = CASES[name]
    expected = weights_in_a_kernel(case, tmp_path)
    found = weights_of_a_federation(case, tmp_path)
    assert list(found) == list(expected)
    for entry, tensor in expected.items():
        assert torch.equal(found[entry], tensor), entry


def test_every_example_is_compared() -> None:
    compared = {case.notebook for case in CASES.values()}
    assert compared == set(EXAMPLES.glob("*/*.ipynb"))
