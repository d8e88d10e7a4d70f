"""Bounds from versions."""

from __future__ import annotations

import pytest
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

from nbfed.requirements.versions import bounded, compatible, without_local, written


@pytest.mark.parametrize(
    ("version", "specifier"),
    [
        ("2.4.1", ">=2.4,<3"),
        ("2", ">=2.0,<3"),
        ("0.19.2", ">=0.19,<0.20"),
        ("0.0.7", ">=0.0.7,<0.1"),
        ("2.6.0+cpu", ">=2.6,<3"),
        ("1.5.dev2430", ">=1.5.dev2430,<2"),
        ("2.0rc1", ">=2.0rc1,<3"),
        ("0.0.0a1", ">=0.0.0a1,<0.1"),
        ("2024.6.18", ">=2024.6"),
        ("4.10.0.84", ">=4.10,<5"),
        ("not a version", ""),
        (None, ""),
    ],
)
def test_from_the_installed_version_to_the_next_that_may_break(version, specifier):
    found = bounded(version)
    assert found == SpecifierSet(specifier)
    if specifier:
        assert found.contains(version, prereleases=True)


@pytest.mark.parametrize(
    ("asked", "own", "expected"),
    [
        ("", ">=2.4,<3", True),
        (">=1.0", ">=2.4,<3", True),
        ("==2.6.0", ">=2.4,<3", True),
        ("==2.*", ">=2.4,<3", True),
        (">2.8", ">=2.4,<3", True),
        ("!=2.4", ">=2.4,<3", True),
        ("~=2.5.0", ">=2.4,<3", True),
        ("==1.9", ">=2.4,<3", False),
        ("<2.4", ">=2.4,<3", False),
        (">=3", ">=2.4,<3", False),
        ("~=1.13", ">=2.4,<3", False),
    ],
)
def test_whether_a_version_can_satisfy_both(asked, own, expected):
    assert compatible(SpecifierSet(asked), SpecifierSet(own)) is expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a<2,>=1,!=1.5", "a>=1,<2,!=1.5"),
        ("a", "a"),
        ("A_b[y,x] == 1", "A_b[x,y]==1"),
        ("a>=1; python_version < '3.12'", 'a>=1; python_version < "3.12"'),
    ],
)
def test_written_as_people_write_it(text, expected):
    assert written(Requirement(text)) == expected


def test_local_builds_are_cut_off():
    assert written(without_local(Requirement("a==1.0+cu118,>=0.9"))) == "a==1.0,>=0.9"
