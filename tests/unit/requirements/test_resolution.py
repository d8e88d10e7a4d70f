"""From imports to requirements with bounds."""

from __future__ import annotations

import subprocess
import sys

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from nbfed.requirements.distributions import KNOWN, ONLY_IN
from nbfed.requirements.resolution import Installed, installed_here, resolve
from tests.unit.notebooks import codes

HERE = Installed(
    distributions={
        "numpy": ["numpy"],
        "sklearn": ["scikit-learn"],
        "PIL": ["pillow", "Pillow"],
        "yaml": ["PyYAML"],
        "own_tools": ["acme-tools"],
        "mpl_toolkits": ["basemap", "matplotlib"],
        "twofold": ["first-one", "second-one"],
        "torch": ["torch"],
        "google": ["protobuf"],
        "_yaml": ["PyYAML"],
    },
    versions={
        "numpy": "2.1.3",
        "scikit-learn": "1.5.2",
        "pillow": "11.0.0",
        "pyyaml": "6.0.2",
        "acme-tools": "0.3.9",
        "matplotlib": "3.9.2",
        "torch": "2.6.0+cpu",
        "protobuf": "5.29.1",
        "timm": "1.0.9",
        "opencv-python": "4.10.0.84",
    },
)


@pytest.mark.parametrize(
    ("imports", "pip", "overrides", "expected"),
    [
        pytest.param(["os", "__future__", "json.decoder"], [], [], [], id="standard library"),
        pytest.param(["numpy"], [], [], ["numpy>=2.1,<3"], id="installed"),
        pytest.param(["numpy.linalg"], [], [], ["numpy>=2.1,<3"], id="submodule"),
        pytest.param(["sklearn"], [], [], ["scikit-learn>=1.5,<2"], id="other name"),
        pytest.param(["PIL"], [], [], ["pillow>=11.0,<12"], id="two spellings"),
        pytest.param(["own_tools"], [], [], ["acme-tools>=0.3,<0.4"], id="nobody knows it"),
        pytest.param(["mpl_toolkits"], [], [], ["matplotlib>=3.9,<4"], id="the known of several"),
        pytest.param(["skimage"], [], [], ["scikit-image"], id="not installed but known"),
        pytest.param(["monai.data"], [], [], ["monai"], id="same name"),
        pytest.param(["timm"], [], [], ["timm>=1.0,<2"], id="known, and found by version"),
        pytest.param(["cv2"], [], [], ["opencv-python-headless"], id="the usual of several"),
        pytest.param(["torch"], [], [], ["torch>=2.4,<3"], id="torch has its own bounds"),
        pytest.param(["torch.nn", "flwr"], [], [], ["torch>=2.4,<3"], id="flwr is the caller's"),
        pytest.param(["google.protobuf"], [], [], ["protobuf>=5.29,<6"], id="shared namespace"),
        pytest.param(["numpy"], ["numpy==1.26.4"], [], ["numpy==1.26.4"], id="pip wins"),
        pytest.param(["numpy"], ["numpy"], [], ["numpy>=2.1,<3"], id="pip without versions"),
        pytest.param(["numpy"], ["numpy==1", "numpy<2"], [], ["numpy<2"], id="the last pip line"),
        pytest.param(["numpy"], ["numpy<2"], ["numpy>=2"], ["numpy>=2"], id="override wins"),
        pytest.param(["numpy"], ["jupyter", "pandas"], [], ["numpy>=2.1,<3"], id="pip unused"),
        pytest.param(["cv2"], ["opencv-python"], [], ["opencv-python>=4.10,<5"], id="pip chooses"),
        pytest.param(
            ["monai"],
            ["monai-weekly[nibabel, tqdm]"],
            [],
            ["monai-weekly[nibabel,tqdm]"],
            id="pip chooses another distribution",
        ),
        pytest.param(
            ["torchvision"], ["torchvision==0.19.0+cu121"], [], ["torchvision==0.19.0"], id="local"
        ),
        pytest.param(["twofold"], [], ["second-one"], ["second-one"], id="override chooses"),
        pytest.param(["unheard_of"], ["unheard-of>=1"], [], ["unheard-of>=1"], id="pip names it"),
        pytest.param(["tools"], ["acme-tools-py"], [], ["acme-tools-py"], id="pip alike"),
        pytest.param(["unheard_of"], [], ["strange>=1"], ["strange>=1"], id="override explains"),
        pytest.param([], [], ["openpyxl", "flwr"], ["openpyxl"], id="override not imported"),
        pytest.param(["torch"], ["torch"], [], ["torch>=2.4,<3"], id="pip for torch"),
        pytest.param(["torch"], ["torch>=2.0"], [], ["torch>=2.4,<3"], id="pip agrees"),
        pytest.param(["torch"], [], ["torch==2.5.1"], ["torch==2.5.1,>=2.4,<3"], id="pinned torch"),
        pytest.param(
            ["sklearn", "numpy", "yaml", "_yaml"],
            [],
            [],
            ["numpy>=2.1,<3", "pyyaml>=6.0,<7", "scikit-learn>=1.5,<2"],
            id="sorted, each once",
        ),
    ],
)
def test_requirements(imports, pip, overrides, expected):
    assert resolve(imports, pip, overrides, installed=HERE) == (expected, [])


@pytest.mark.parametrize(
    ("imports", "pip", "code", "message", "hint"),
    [
        (["google.colab"], [], "NBF401", "Google Colab only", "take it out"),
        (["google.colab.drive"], [], "NBF401", "Google Colab only", "take it out"),
        (["kaggle_secrets"], [], "NBF401", "Kaggle only", "take it out"),
        (["google"], [], "NBF401", "many distributions share", "by its full name"),
        (["unheard_of.x"], ["jupyter"], "NBF401", "`import unheard_of.x`", "requires unheard-of"),
        (["twofold"], [], "NBF401", "`first-one`, `second-one`", "requires first-one"),
    ],
)
def test_imports_without_a_distribution(imports, pip, code, message, hint):
    found, problems = resolve(imports, pip, installed=HERE)
    assert found == []
    assert codes(problems) == [code]
    assert message in problems[0].message
    assert hint in problems[0].hint


@pytest.mark.parametrize("asked", ["torch==1.9.0+cu111", "torch<2", "torch~=1.13"])
def test_a_torch_that_cannot_be_is_told_and_not_taken(asked):
    found, problems = resolve(["torch"], [asked], installed=HERE)
    assert found == ["torch>=2.4,<3"]
    assert [(problem.code, problem.severity) for problem in problems] == [("NBF404", "warning")]


def test_the_server_takes_only_what_it_imports():
    overrides = ["openpyxl", "numpy<3", "strange"]
    found, _ = resolve(["numpy"], [], overrides, installed=HERE, keep_all=False)
    assert found == ["numpy<3"]


def test_an_unknown_import_keeps_its_override_at_the_server():
    found, problems = resolve(
        ["unheard_of"], [], ["openpyxl", "strange>=1"], installed=HERE, keep_all=False
    )
    assert (found, problems) == (["strange>=1"], [])


def test_lines_that_are_no_requirements_are_left_out():
    assert resolve(["numpy"], ["git+https://x.org/numpy"], ["./a"], installed=HERE) == (
        ["numpy>=2.1,<3"],
        [],
    )


def test_what_is_installed_here_is_found_without_importing_it():
    program = (
        "import sys; from nbfed.requirements.resolution import installed_here, resolve; "
        "print(resolve(['torch', 'numpy', 'PIL'], installed=installed_here())[0]); "
        "print({'torch', 'numpy', 'PIL', 'flwr'} & set(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    requirements, imported = done.stdout.splitlines()
    assert "'torch>=2.4,<3'" in requirements and "'numpy>=" in requirements
    assert imported == "set()"


def test_installed_here_is_what_the_metadata_says():
    found = installed_here()
    assert found.distributions["packaging"] == ["packaging"]
    assert found.versions["packaging"]


def test_the_table_is_in_canonical_form():
    for module, names in KNOWN.items():
        assert names and all(name == canonicalize_name(name) for name in names), module
        assert all(str(Requirement(name)) == name for name in names)
        assert module.partition(".")[0] not in sys.stdlib_module_names
    assert not set(KNOWN) & set(ONLY_IN)
