"""Versions: bounds from what is installed, and how requirements are written."""

from __future__ import annotations

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.version import InvalidVersion, Version

_ORDER = ("===", "==", "~=", ">=", ">", "<=", "<", "!=")
_FIRST_YEAR = 1990


def bounded(installed: str | None) -> SpecifierSet:
    """From the installed version to the next one that may break; any version if none is known.

    ``2.4.1`` gives ``>=2.4,<3``, ``0.19.2`` gives ``>=0.19,<0.20``. A version that begins with
    a year says nothing about compatibility, so it bounds from below only.
    """
    try:
        version = Version(installed or "")
    except InvalidVersion:
        return SpecifierSet()
    major, minor, patch = version.major, version.minor, version.micro
    lower = version.public.partition("+")[0] if version.is_prerelease else f"{major}.{minor}"
    if major >= _FIRST_YEAR:
        return SpecifierSet(f">={lower}")
    if major:
        return SpecifierSet(f">={lower},<{major + 1}")
    if not minor and not version.is_prerelease:
        lower = f"0.0.{patch}"
    return SpecifierSet(f">={lower},<0.{minor + 1}")


def compatible(asked: SpecifierSet, own: SpecifierSet) -> bool:
    """Whether some version can satisfy both, judged by the versions that they name."""
    both = asked & own
    named = [each.version.removesuffix(".*") for each in both if each.operator != "==="]
    return any(both.contains(each, prereleases=True) for each in (*named, *map(_next, named)))


def without_local(requirement: Requirement) -> Requirement:
    """``torchvision==0.10.0+cu111`` as ``==0.10.0``: local builds are not in the public index."""
    parts = (f"{each.operator}{each.version.partition('+')[0]}" for each in requirement.specifier)
    requirement.specifier = SpecifierSet(",".join(parts))
    return requirement


def written(requirement: Requirement) -> str:
    """The requirement as people write it: canonical order, lower bound first."""
    specifiers = sorted(
        requirement.specifier, key=lambda each: (_ORDER.index(each.operator), each.version)
    )
    extras = f"[{','.join(sorted(requirement.extras))}]" if requirement.extras else ""
    marker = f"; {requirement.marker}" if requirement.marker else ""
    return f"{requirement.name}{extras}{','.join(map(str, specifiers))}{marker}"


def _next(version: str) -> str:
    """A version a little above, for bounds that exclude the version they name."""
    return f"{version}.1"
