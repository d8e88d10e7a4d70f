from __future__ import annotations

import stat
from pathlib import Path

import pytest

from tests.runtime.modules import template_module

whole_file = template_module("shared/whole_file.py")


@pytest.mark.parametrize("mode", [whole_file.PUBLIC, whole_file.PRIVATE])
def test_a_file_takes_its_place_at_the_end(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"before")
    path.chmod(0o644)
    with whole_file.whole_file(path, mode) as file:
        file.write(b"after")
        file.flush()
        assert path.read_bytes() == b"before"
    assert path.read_bytes() == b"after"
    assert not stat.S_IMODE(path.stat().st_mode) & ~mode
    assert list(tmp_path.iterdir()) == [path]


def test_what_fails_leaves_the_old_file_and_no_other(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"before")
    with (
        pytest.raises(OSError, match="no room"),
        whole_file.whole_file(path, whole_file.PRIVATE) as file,
    ):
        file.write(b"af")
        raise OSError("no room")
    assert path.read_bytes() == b"before"
    assert list(tmp_path.iterdir()) == [path]


def test_a_link_that_somebody_put_beside_it_is_not_followed(tmp_path: Path) -> None:
    path, other = tmp_path / "file", tmp_path / "other"
    other.write_bytes(b"other")
    with whole_file.whole_file(path, whole_file.PRIVATE):
        (beside,) = (each for each in tmp_path.iterdir() if each != other)
    beside.symlink_to(other)
    with whole_file.whole_file(path, whole_file.PRIVATE) as file:
        file.write(b"new")
    assert (path.read_bytes(), other.read_bytes()) == (b"new", b"other")
    assert not path.is_symlink()
