from __future__ import annotations

from pathlib import Path

import pytest

from nbfed.errors import NbfedError, UsageError
from nbfed.sources import read_sources


def write(folder: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def test_a_notebook_alone(tmp_path: Path) -> None:
    write(tmp_path, {"Heart Study.ipynb": "{}"})
    sources = read_sources(tmp_path / "Heart Study.ipynb")
    assert sources.data == b"{}"
    assert sources.federation.name == "heart-study"
    assert sources.federation_file is None
    assert sources.helpers == {}


def test_the_federation_file_beside_it_is_read(tmp_path: Path) -> None:
    write(tmp_path, {"heart.ipynb": "{}", "federation.yaml": "rounds: 7\n"})
    sources = read_sources(tmp_path / "heart.ipynb")
    assert sources.federation.rounds == 7
    assert sources.federation_file == tmp_path / "federation.yaml"


def test_another_federation_file_can_be_given(tmp_path: Path) -> None:
    write(tmp_path, {"heart.ipynb": "{}", "federation.yaml": "rounds: 7", "b.yaml": "rounds: 8"})
    assert read_sources(tmp_path / "heart.ipynb", tmp_path / "b.yaml").federation.rounds == 8


def test_a_federation_file_for_another_notebook_is_refused(tmp_path: Path) -> None:
    write(tmp_path, {"other.ipynb": "{}", "federation.yaml": "notebook: heart.ipynb\n"})
    with pytest.raises(NbfedError) as caught:
        read_sources(tmp_path / "other.ipynb")
    assert caught.value.message == (
        f"{tmp_path / 'federation.yaml'} is for heart.ipynb, not for other.ipynb"
    )


def test_modules_that_the_notebook_names_come_along_with_what_they_name(tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            "heart.ipynb": '{"source": "from tools import load\\nimport nets.cnn"}',
            "tools.py": "import shared\n",
            "shared.py": "X = 1\n",
            "nets/cnn.py": "",
            "nets/__init__.py": "",
            "unused.py": "",
            ".hidden/secret.py": "tools",
            "data/notes.txt": "nets",
        },
    )
    assert sorted(read_sources(tmp_path / "heart.ipynb").helpers) == [
        "nets/__init__.py",
        "nets/cnn.py",
        "shared.py",
        "tools.py",
    ]


def test_no_such_notebook(tmp_path: Path) -> None:
    write(tmp_path, {"heart.ipynb": "{}"})
    with pytest.raises(UsageError) as caught:
        read_sources(tmp_path / "hart.ipynb")
    assert caught.value.message == f"there is no notebook {tmp_path / 'hart.ipynb'}"
    assert caught.value.hint == f"notebooks there: {tmp_path / 'heart.ipynb'}"


def test_a_folder_is_no_notebook(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="is a folder"):
        read_sources(tmp_path)


def test_a_federation_file_that_is_not_there(tmp_path: Path) -> None:
    write(tmp_path, {"heart.ipynb": "{}"})
    with pytest.raises(UsageError, match=r"there is no file .*none\.yaml"):
        read_sources(tmp_path / "heart.ipynb", tmp_path / "none.yaml")


def test_a_federation_file_that_is_no_text(tmp_path: Path) -> None:
    write(tmp_path, {"heart.ipynb": "{}"})
    (tmp_path / "federation.yaml").write_bytes(b"name: \xff\n")
    with pytest.raises(NbfedError, match="is not UTF-8 text"):
        read_sources(tmp_path / "heart.ipynb")
