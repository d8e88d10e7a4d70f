"""Roles from section headings."""

from __future__ import annotations

import pytest

from nbfed.read.headings import role_of_heading, section_roles
from nbfed.roles import Role
from tests.unit.notebooks import markdown, read


@pytest.mark.parametrize(
    ("title", "role"),
    [
        ("Dependencies", Role.INCLUDE),
        ("Data preparation", Role.DATA),
        ("Data loading", Role.DATA),
        ("Model definition", Role.MODEL),
        ("Training loop", Role.TRAIN),
        ("Test function", Role.EVALUATE),
        ("Aggregation function", Role.STRATEGY),
        ("TRAINING LOOP", Role.TRAIN),
        ("**Training loop**:", Role.TRAIN),
        ("5. Training loop", Role.TRAIN),
        ("5) Training loop", Role.TRAIN),
        ("2.1 Data loading", Role.DATA),
        ("Step 3: Model definition", Role.MODEL),
        ("IV. Training loop", Role.TRAIN),
        ("Training  loops", Role.TRAIN),
        ("Data-loading", Role.DATA),
        ("Aggregation functions", Role.STRATEGY),
        ("Data", None),
        ("Training", None),
        ("Results of the training loop in detail", None),
        ("", None),
    ],
)
def test_titles(title, role):
    assert role_of_heading(title) is role


MINIMAL = (
    *(markdown("# Title\nwords"), "import a", markdown("## Dependencies"), "import torch"),
    *(markdown("## Data loading\ntext"), "x = 1", markdown("### Labels"), "y = 1", " "),
    *(markdown("## Model definition"), "m = 1", markdown("## Training loop"), "t = 1"),
)


def test_cells_have_the_role_of_their_section():
    assert section_roles(read(*MINIMAL)) == {
        **{4: Role.INCLUDE, 6: Role.DATA, 8: Role.DATA},
        **{11: Role.MODEL, 13: Role.TRAIN},
    }


@pytest.mark.parametrize(
    ("heading", "role"),
    [
        ("## Results", None),
        ("# Results", None),
        ("### Details", Role.TRAIN),
        ("### Details\n## Results", None),
        ("```\n## Results\n```", Role.TRAIN),
        ("#Test function", Role.EVALUATE),
        ("**Test function**", Role.EVALUATE),
        ("**Details**", Role.TRAIN),
        ("some **Test function** text", Role.TRAIN),
        ("text", Role.TRAIN),
    ],
)
def test_where_a_section_ends(heading, role):
    roles = section_roles(read(*MINIMAL, markdown(heading), "z = 1"))
    assert roles.get(len(MINIMAL) + 2) is role


def test_a_single_heading_means_nothing():
    notebook = read(markdown("## Training loop"), "t = 1", markdown("## Data loading"), "x = 1")
    assert section_roles(notebook) == {}


def test_an_empty_section_gives_nothing():
    assert section_roles(read(*MINIMAL[:-1], " ")) == {}
