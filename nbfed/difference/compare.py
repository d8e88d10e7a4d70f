"""Compare two builds."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from nbfed.difference.contents import PARAMS, SETTINGS, SITE, STAGES, Contents
from nbfed.difference.module_lines import Line


@dataclass(frozen=True)
class Change:
    """Something that has a name: ``old`` None where it was added, ``new`` where removed."""

    name: str
    old: str | None
    new: str | None

    @property
    def kind(self) -> str:
        """``added``, ``removed`` or ``changed``."""
        return "added" if self.old is None else "removed" if self.new is None else "changed"


@dataclass(frozen=True)
class Hunk:
    """Neighbouring lines of a stage that differ; one of the two sides may be empty."""

    old: tuple[Line, ...]
    new: tuple[Line, ...]

    @property
    def kind(self) -> str:
        """``added``, ``removed`` or ``changed``."""
        return "added" if not self.old else "removed" if not self.new else "changed"


@dataclass(frozen=True)
class Difference:
    """All that differs. ``renumbered`` maps cells whose code stands in another cell now.

    ``files`` are those whose change nothing else here tells of, by path.
    """

    stages: Mapping[str, tuple[Hunk, ...]]
    renumbered: Mapping[int, int]
    params: tuple[Change, ...]
    site: tuple[Change, ...]
    requirements: Mapping[str, tuple[Change, ...]]
    settings: tuple[Change, ...]
    digests: tuple[Change, ...]
    names: tuple[Change, ...]
    files: tuple[Change, ...]

    def __bool__(self) -> bool:
        """Whether the builds differ at all."""
        return any((self.stages, self.renumbered, self.params, self.site, self.settings)) or any(
            (*self.requirements.values(), self.digests, self.files)
        )


def compare(old: Contents, new: Contents) -> Difference:
    """What has to change in ``old`` to give ``new``."""
    stages: dict[str, tuple[Hunk, ...]] = {}
    renumbered: dict[int, int] = {}
    for stage in STAGES:
        hunks, moved = _stage(old.stages.get(stage, ()), new.stages.get(stage, ()))
        renumbered |= moved
        if hunks:
            stages[stage] = hunks
    found = Difference(
        stages=stages,
        renumbered=dict(sorted(renumbered.items())),
        params=_changes(old.params, new.params),
        site=_changes(old.site, new.site),
        requirements={
            side: _changes(old.requirements[side], new.requirements[side])
            for side in ("client", "server")
        },
        settings=_changes(old.settings, new.settings),
        digests=_changes(old.digests, new.digests),
        names=_changes(_names(old), _names(new)),
        files=_changes(old.files, new.files),
    )
    told = set(_told(found))
    files = tuple(change for change in found.files if change.name not in told)
    return Difference(**{**vars(found), "files": files})


def _stage(old: tuple[Line, ...], new: tuple[Line, ...]) -> tuple[tuple[Hunk, ...], dict[int, int]]:
    matcher = difflib.SequenceMatcher(
        None, [line.text for line in old], [line.text for line in new], autojunk=False
    )
    hunks: list[Hunk] = []
    moved: dict[int, int] = {}
    for tag, first, last, new_first, new_last in matcher.get_opcodes():
        one, two = old[first:last], new[new_first:new_last]
        if tag != "equal":
            hunks.append(Hunk(one, two))
            continue
        for before, after in zip(one, two, strict=True):
            if before.cell and after.cell and before.cell != after.cell:
                moved[before.cell] = after.cell
    return tuple(hunks), moved


def _changes(old: Mapping[str, str], new: Mapping[str, str]) -> tuple[Change, ...]:
    return tuple(
        Change(name, old.get(name), new.get(name))
        for name in dict.fromkeys([*old, *new])
        if old.get(name) != new.get(name)
    )


def _names(build: Contents) -> dict[str, str]:
    return {"name": build.name, "notebook": build.notebook, "nbfed": build.nbfed}


def _told(found: Difference) -> Iterator[str]:
    """Files that differ in nothing that the rest of the difference does not tell of."""
    for stage in found.stages:
        yield STAGES[stage]
    if "model" in found.stages:
        yield "server/model.py"
    if found.stages or found.renumbered:
        yield from ("client/sourcemap.json", "server/sourcemap.json")
    if found.renumbered:
        yield from (*STAGES.values(), "server/model.py")
    if found.params:
        yield from (PARAMS, "server/params.py")
    if found.site:
        yield SITE
    for side, changes in found.requirements.items():
        if changes:
            yield from (f"{side}/pyproject.toml", SETTINGS)
    if found.settings:
        yield SETTINGS
