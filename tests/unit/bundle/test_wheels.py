"""The wheel of a generated project, wheels of others, and their fetching for another machine."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from nbfed.bundle.downloads import download
from nbfed.bundle.target import Target
from nbfed.bundle.wheels import build_wheel, read_wheel
from nbfed.errors import NbfedError, UsageError
from tests.unit.bundle.wheelhouse import write_wheel

LINUX = Target.of("manylinux_2_28_x86_64", "3.11")
PROJECT = {
    "pyproject.toml": b"""\
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"
[project]
name = "study-client"
version = "1.0.0"
requires-python = ">=3.11"
dependencies = ["numpy>=2", "torch; sys_platform == 'linux'"]
[tool.hatch.build]
ignore-vcs = true
[tool.hatch.build.targets.wheel]
packages = ["study_client"]
""",
    "study_client/__init__.py": b"",
    "study_client/data.py": b"x = 1\n",
    "study_client/sourcemap.json": b"{}\n",
}


def test_a_project_gives_the_same_wheel_each_time(tmp_path: Path) -> None:
    (tmp_path / ".gitignore").write_text("*.json\ndata.py\n")
    one, two = (build_wheel(PROJECT, tmp_path / name) for name in ("one", "two"))
    assert one.content.sha256 == two.content.sha256
    assert one.file == "study_client-1.0.0-py3-none-any.whl"
    assert (one.name, one.version) == ("study-client", "1.0.0")
    assert [each.name for each in one.requires] == ["numpy", "torch"]
    with zipfile.ZipFile(tmp_path / "one" / one.file) as archive:
        inside = {name for name in archive.namelist() if name.startswith("study_client/")}
    assert inside == {path for path in PROJECT if path.startswith("study_client/")}


def test_what_is_no_wheel(tmp_path: Path) -> None:
    (tmp_path / "a-1-py3-none-any.whl").write_text("no zip")
    with zipfile.ZipFile(tmp_path / "b-1-py3-none-any.whl", "w") as archive:
        archive.writestr("b.py", "")
    for name in ("a", "b"):
        with pytest.raises(NbfedError, match=f"{name}-1-py3-none-any.whl is not a wheel"):
            read_wheel(tmp_path / f"{name}-1-py3-none-any.whl")


def test_the_platforms_that_a_machine_runs() -> None:
    tags = LINUX.platforms
    assert tags[:2] == ("manylinux_2_28_x86_64", "manylinux_2_27_x86_64")
    assert {"manylinux2014_x86_64", "manylinux1_x86_64", "linux_x86_64"} <= set(tags)
    assert "manylinux_2_29_x86_64" not in tags
    arm = Target.of("manylinux_2_28_aarch64", "3.12").platforms
    assert "manylinux2014_aarch64" in arm and "manylinux2010_aarch64" not in arm
    assert Target.of("macosx_14_0_arm64", "3.11").platforms == ("macosx_14_0_arm64",)
    assert LINUX.markers["platform_machine"] == "x86_64"
    assert arm and Target.of("linux_aarch64", "3.12").markers["platform_machine"] == "aarch64"


@pytest.mark.parametrize(
    ("platform", "python"),
    [("", "3.11"), ("a b", "3.11"), ("--help", "3.11"), ("linux_x86_64", "3"), ("win32", "3.10")],
)
def test_what_is_no_machine(platform: str, python: str) -> None:
    with pytest.raises(UsageError):
        Target.of(platform, python)


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of wheels, the only place where pip looks."""
    folder = tmp_path / "store"
    old = "cp311-cp311-manylinux_2_17_x86_64"
    write_wheel(folder, "kit_alpha", "1.0", requires=["kit_beta>=1"])
    write_wheel(folder, "kit_beta", "1.0", tag=old)
    write_wheel(folder, "kit_beta", "2.0", tag=old)
    write_wheel(folder, "kit_beta", "3.0", tag="cp311-cp311-manylinux_2_40_x86_64")
    write_wheel(folder, "kit_beta", "4.0", tag="cp312-cp312-manylinux_2_17_x86_64")
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    return folder


def test_wheels_are_those_of_the_named_machine(store: Path, tmp_path: Path) -> None:
    wheels = download(["kit-alpha"], LINUX, None, tmp_path / "needs")
    assert [(wheel.key, wheel.version) for wheel in wheels] == [
        ("kit-alpha", "1.0"),
        ("kit-beta", "2.0"),
    ]


def test_a_constraint_decides_the_version(store: Path, tmp_path: Path) -> None:
    (tmp_path / "constraints.txt").write_text("kit-beta==1.0\n")
    wheels = download(["kit-alpha"], LINUX, tmp_path / "constraints.txt", tmp_path / "needs")
    assert [wheel.version for wheel in wheels] == ["1.0", "1.0"]


def test_without_a_wheel_it_says_which(store: Path, tmp_path: Path) -> None:
    with pytest.raises(NbfedError, match="kit-gamma") as refusal:
        download(["kit-alpha", "kit-gamma"], LINUX, None, tmp_path / "needs")
    assert "--constraint" in refusal.value.hint
