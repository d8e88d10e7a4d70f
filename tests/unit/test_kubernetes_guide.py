"""The guide's manifests are YAML that names real options of Flower's commands."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

GUIDE = Path(__file__).resolve().parents[2] / "docs" / "guides" / "kubernetes.md"
BIN = Path(sys.executable).parent


def manifests() -> list[dict[str, Any]]:
    blocks = re.findall(r"```yaml\n(.*?)```", GUIDE.read_text(encoding="utf-8"), re.S)
    return [each for block in blocks for each in yaml.safe_load_all(block)]


def deployments() -> list[dict[str, Any]]:
    return [each for each in manifests() if each["kind"] == "Deployment"]


def test_every_volume_is_mounted_and_every_label_selected() -> None:
    assert len(deployments()) == 2
    for each in deployments():
        pod = each["spec"]["template"]
        assert each["spec"]["selector"]["matchLabels"] == pod["metadata"]["labels"]
        (container,) = pod["spec"]["containers"]
        mounted = {mount["name"] for mount in container["volumeMounts"]}
        assert mounted == {volume["name"] for volume in pod["spec"]["volumes"]}


@pytest.mark.parametrize("number", [0, 1])
def test_the_options_are_those_of_flowers_commands(number: int) -> None:
    spec = deployments()[number]["spec"]["template"]["spec"]
    command, *options = spec["containers"][0]["command"]
    told = subprocess.run(
        [str(BIN / command), "--help"], capture_output=True, text=True, check=True, timeout=120
    ).stdout
    known = set(re.findall(r"--[\w-]+", told))
    assert {option.partition("=")[0] for option in options} <= known
