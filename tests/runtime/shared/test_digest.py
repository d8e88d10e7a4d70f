from __future__ import annotations

from pathlib import Path
from types import ModuleType

import pytest

from tests.runtime.modules import template_module

CODE = {"a.py": b"x = 1\n", "sub/b.py": b"y = 2\n", "sourcemap.json": b"{}\n"}


@pytest.fixture(scope="module")
def digest() -> ModuleType:
    return template_module("shared/digest.py")


def test_the_package_on_disk_has_the_digest_of_its_files(
    digest: ModuleType, tmp_path: Path
) -> None:
    for name, content in CODE.items():
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content)
    assert digest.package_digest(tmp_path) == digest.digest_of(CODE)


def test_what_is_no_code_does_not_count(digest: ModuleType, tmp_path: Path) -> None:
    (tmp_path / "a.py").write_bytes(b"x = 1\n")
    before = digest.package_digest(tmp_path)
    (tmp_path / "__pycache__").mkdir()
    (tmp_path / "__pycache__" / "a.py").write_bytes(b"junk")
    (tmp_path / "site.yaml").write_bytes(b"site: a\n")
    assert digest.package_digest(tmp_path) == before


@pytest.mark.parametrize(
    "changed",
    [
        pytest.param({**CODE, "a.py": b"x = 2\n"}, id="content"),
        pytest.param({**CODE, "c.py": b""}, id="another file"),
        pytest.param({"a.py": CODE["a.py"]}, id="a file less"),
        pytest.param({**CODE, "sourcemap.json": b"{ }\n"}, id="source map"),
        pytest.param(
            {"a.pyx": b"", "sub/b.py": b"y = 2\n", "sourcemap.json": b"{}\n"}, id="another name"
        ),
    ],
)
def test_any_change_of_code_changes_it(digest: ModuleType, changed: dict[str, bytes]) -> None:
    assert digest.digest_of(changed) != digest.digest_of(CODE)


def test_order_of_the_mapping_does_not_matter(digest: ModuleType) -> None:
    assert digest.digest_of(dict(reversed(CODE.items()))) == digest.digest_of(CODE)
