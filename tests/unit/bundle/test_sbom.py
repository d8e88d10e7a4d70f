"""The bill of materials: valid CycloneDX, complete, and the same each time."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from nbfed.bundle.sbom import sbom
from nbfed.bundle.target import Target
from nbfed.bundle.wheels import Wheel, read_wheel
from tests.unit.bundle.wheelhouse import write_wheel

LINUX = Target.of("manylinux_2_28_x86_64", "3.11")


@pytest.fixture
def package(tmp_path: Path) -> Wheel:
    requires = ["alpha>=1,<2", "beta"]
    return read_wheel(write_wheel(tmp_path, "study_client", "1.0.0", requires=requires))


@pytest.fixture
def wheels(tmp_path: Path) -> list[Wheel]:
    needs = [
        "beta; sys_platform == 'linux'",
        "gamma; sys_platform == 'win32'",
        "gamma; extra == 'x'",
    ]
    return [
        read_wheel(write_wheel(tmp_path, "alpha", "1.5", requires=needs, licence="MIT")),
        read_wheel(write_wheel(tmp_path, "beta", "2.0")),
        read_wheel(write_wheel(tmp_path, "gamma", "3.0")),
    ]


def test_it_is_valid(package: Wheel, wheels: list[Wheel]) -> None:
    validator = JsonStrictValidator(SchemaVersion.V1_6)
    for content in ([], wheels):
        assert validator.validate_str(sbom(package, content, LINUX).decode()) is None


def test_it_lists_what_lies_in_the_kit(package: Wheel, wheels: list[Wheel]) -> None:
    content = json.loads(sbom(package, wheels, LINUX))
    root = content["metadata"]["component"]
    assert (root["type"], root["name"], root["version"]) == ("application", "study_client", "1.0.0")
    assert root["hashes"] == [{"alg": "SHA-256", "content": package.content.sha256}]
    found = {each["name"]: each for each in content["components"]}
    assert {name: each["purl"] for name, each in found.items()} == {
        "alpha": "pkg:pypi/alpha@1.5",
        "beta": "pkg:pypi/beta@2.0",
        "gamma": "pkg:pypi/gamma@3.0",
    }
    assert found["alpha"]["hashes"][0]["content"] == wheels[0].content.sha256
    assert found["alpha"]["licenses"] == [{"expression": "MIT"}]
    needs = {each["ref"]: each.get("dependsOn", []) for each in content["dependencies"]}
    assert needs["study-client==1.0.0"] == ["alpha==1.5", "beta==2.0"]
    # What only another machine or an extra needs is no need here.
    assert needs["alpha==1.5"] == ["beta==2.0"]


def test_without_wheels_it_lists_what_is_required(package: Wheel) -> None:
    content = json.loads(sbom(package, [], LINUX))
    found = {each["name"]: each for each in content["components"]}
    assert set(found) == {"alpha", "beta"}
    assert "version" not in found["alpha"]
    (property_,) = found["alpha"]["properties"]
    assert property_ == {"name": "nbfed:requirement", "value": "alpha<2,>=1"}


def test_the_same_kit_has_the_same_bill(package: Wheel, wheels: list[Wheel]) -> None:
    bill = sbom(package, wheels, LINUX)
    assert sbom(package, wheels[::-1], LINUX) == bill
    assert b"timestamp" not in bill
    assert json.loads(bill)["serialNumber"] != json.loads(sbom(package, [], LINUX))["serialNumber"]
