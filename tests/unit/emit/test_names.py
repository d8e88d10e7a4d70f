"""Names derived from a notebook's name."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbfed.emit.names import MAX_NAME_LENGTH, Names, normalised


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("heart", "heart"),
        ("Heart Disease", "heart-disease"),
        ("01_chest-xray", "nb-01-chest-xray"),
        ("Ünïcode", "n-code"),
        ("", "nb"),
        ("a" * 60, "a" * MAX_NAME_LENGTH),
    ],
)
def test_normalised(text: str, name: str) -> None:
    assert normalised(text) == name


@given(st.text(max_size=60))
def test_every_name_is_legal(text: str) -> None:
    name = normalised(text)
    assert re.fullmatch(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", name)
    assert len(Names(name).client_distribution) <= 32
    assert Names(name).client_package.isidentifier()
