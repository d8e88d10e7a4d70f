from __future__ import annotations

import importlib.metadata
from pathlib import Path

import pytest

from nbfed.requirements.installed_modules import top_level_modules


def test_what_the_library_finds_here_is_found() -> None:
    found: dict[str, set[str]] = {}
    for distribution in importlib.metadata.distributions():
        for module in top_level_modules(distribution):
            found.setdefault(module, set()).add(distribution.metadata["Name"])
    for module, names in importlib.metadata.packages_distributions().items():
        if module.isidentifier() and module != "__pycache__":
            assert found[module] == set(names), module
    assert found["torch"] == {"torch"}


@pytest.mark.parametrize(
    ("files", "modules"),
    [
        ({"top_level.txt": "a\nb\n", "RECORD": "c/x.py,,\n"}, ["a", "b"]),
        ({"RECORD": "a/b/c.py,sha256=x/y,1\na-1.dist-info/RECORD,,\n../../bin/a,,\n"}, ["a"]),
        ({"RECORD": 'm.py,,\nn.cpython-311-x86_64-linux-gnu.so,,\n"o/a,b.py",,\n'}, [*"mno"]),
        ({"RECORD": "a.libs/b.so,,\nshare/x.csv,,\n__editable__.a.pth,,\nc/d.so,,\n"}, ["c"]),
        ({"RECORD": ""}, []),
        ({}, []),
    ],
)
def test_names_come_from_the_files(
    tmp_path: Path, files: dict[str, str], modules: list[str]
) -> None:
    folder = tmp_path / "a-1.dist-info"
    folder.mkdir()
    for name, text in {"METADATA": "Name: a\nVersion: 1\n", **files}.items():
        (folder / name).write_text(text)
    distribution = importlib.metadata.PathDistribution(folder)
    assert list(top_level_modules(distribution)) == modules
