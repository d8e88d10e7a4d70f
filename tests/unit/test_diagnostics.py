"""Diagnostics, the catalogue, and the order findings come in."""

from __future__ import annotations

import re

import pytest

from nbfed.catalogue import CATALOGUE, elsewhere, environment, names, output, reading, shape
from nbfed.diagnostics import Location, Severity, diagnostic, has_errors, sort_diagnostics

BLOCKS = {
    "1": reading.ENTRIES,
    "2": names.ENTRIES,
    "3": (*shape.ENTRIES, *elsewhere.ENTRIES),
    "4": environment.ENTRIES,
    "5": output.ENTRIES,
}


@pytest.mark.parametrize("entry", CATALOGUE.values(), ids=str)
def test_every_entry_can_be_explained(entry):
    assert re.fullmatch(r"NBF[1-5]\d\d", entry.code)
    assert entry in BLOCKS[entry.code[3]]
    assert entry.title and not entry.title.endswith(".")
    assert entry.explanation.endswith(".")
    assert bool(entry.before) == bool(entry.after)
    assert entry.before == "" or entry.before != entry.after


def test_no_code_is_used_twice():
    codes = [entry.code for block in BLOCKS.values() for entry in block]
    assert sorted(set(codes)) == sorted(codes)


def test_severity_comes_from_the_catalogue():
    place = Location("a.ipynb", 7, 12, 5)
    assert diagnostic("NBF201", place, "x").severity is Severity.ERROR
    assert diagnostic("NBF205", place, "x").severity is Severity.WARNING


def test_unknown_code_is_a_programming_error():
    with pytest.raises(KeyError):
        diagnostic("NBF999", Location("a.ipynb"), "x")


def test_sorted_by_place_then_code_and_each_once():
    later = diagnostic("NBF101", Location("a.ipynb", 10, 1, 1), "x")
    first = diagnostic("NBF201", Location("a.ipynb", 2, 9, 1), "x")
    second = diagnostic("NBF203", Location("a.ipynb", 2, 9, 1), "a")
    assert sort_diagnostics([later, second, first, later]) == (first, second, later)


def test_only_errors_stop_a_build():
    place = Location("a.ipynb")
    assert not has_errors([diagnostic("NBF205", place, "x"), diagnostic("NBF208", place, "x")])
    assert has_errors([diagnostic("NBF201", place, "x")])


@pytest.mark.parametrize(
    ("location", "text"),
    [
        (Location("heart.ipynb"), "heart.ipynb"),
        (Location("heart.ipynb", 7), "heart.ipynb:cell 7"),
        (Location("heart.ipynb", 7, 12), "heart.ipynb:cell 7:12:1"),
        (Location("heart.ipynb", 7, 12, 5), "heart.ipynb:cell 7:12:5"),
    ],
)
def test_location_reads_as_ruff_prints_it(location, text):
    assert str(location) == text
