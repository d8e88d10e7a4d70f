from __future__ import annotations

import re

import nbfed


def test_the_version_is_a_release_number() -> None:
    assert re.fullmatch(r"\d+\.\d+\.\d+", nbfed.__version__)
