"""Requirements: which distributions, with which versions, the compiled code needs."""

from __future__ import annotations

import functools
import importlib.metadata
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from nbfed.diagnostics import Diagnostic, Location, diagnostic
from nbfed.read.pip_lines import parse_requirement
from nbfed.requirements.distributions import KNOWN, ONLY_IN, SHARED
from nbfed.requirements.installed_modules import top_level_modules
from nbfed.requirements.versions import bounded, compatible, without_local, written

TORCH = "torch>=2.4,<3"
_OWN = {"torch": TORCH}
# The caller bounds Flower itself: both packages have to have the same version of it.
_BY_CALLER = frozenset({"flwr"})


@dataclass(frozen=True)
class Installed:
    """What is installed: import name to distributions, canonical distribution to version."""

    distributions: Mapping[str, Sequence[str]] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)


@functools.cache
def installed_here() -> Installed:
    """What this process could import; nothing is imported to find out."""
    distributions: dict[str, list[str]] = {}
    versions: dict[str, str] = {}
    for found in importlib.metadata.distributions():
        metadata = found.metadata  # each look at it parses the file anew
        name, version = metadata["Name"], metadata["Version"]
        if not name or not version:  # half removed
            continue
        # What comes first on the path is what gets imported.
        versions.setdefault(_canonical(name), version)
        for module in top_level_modules(found):
            distributions.setdefault(module, []).append(name)
    return Installed(distributions, versions)


def resolve(
    imports: Iterable[str],
    pip: Iterable[str] = (),
    overrides: Iterable[str] = (),
    *,
    installed: Installed | None = None,
    keep_all: bool = True,
    file: str = "notebook",
) -> tuple[list[str], list[Diagnostic]]:
    """The requirements of code with these imports, sorted, and the imports that have none.

    ``imports`` are module names, dotted where the top level is shared (``google.colab``).
    ``pip`` is what the notebook installs and counts where it is imported; the last of several
    lines wins. ``overrides`` (``# nbfed: requires`` and federation.yaml) win over everything,
    and with ``keep_all`` are required even if nothing imports them. Without ``installed``, what
    this process could import is looked up; with it, the function is pure.
    """
    here = installed_here() if installed is None else installed
    work = _Resolver(_by_name(pip), _by_name(overrides), here, file)
    outside = {name for name in imports if name.partition(".")[0] not in sys.stdlib_module_names}
    for name in sorted(outside - _BY_CALLER):
        work.add(name)
    for name in sorted(work.overrides if keep_all else ()):
        work.require(name)
    work.explain_missing()
    return sorted(work.required.values(), key=str.lower), work.problems


class _Resolver:
    def __init__(
        self,
        pip: Mapping[str, Requirement],
        overrides: Mapping[str, Requirement],
        installed: Installed,
        file: str,
    ) -> None:
        self.pip = pip
        self.overrides = overrides
        self.installed = installed
        self.place = Location(file)
        self.required: dict[str, str] = {}
        self.problems: list[Diagnostic] = []
        self.missing: list[str] = []

    def add(self, module: str) -> None:
        """Require whatever brings this module."""
        platform = next((p for m, p in ONLY_IN.items() if _is_within(module, m)), None)
        if platform:
            message = f"`{module}` exists in {platform} only, and the compiled code imports it"
            self._problem("NBF401", message, "take it out of the cells that the roles need")
            return
        names = self._distributions(module)
        if len(names) == 1:
            self.require(names[0])
        elif names:
            message = f"`{module}` may come from {_list(names)}"
            self._problem("NBF401", message, f"choose one: `# nbfed: requires {names[0]}`")
        else:
            self.missing.append(module)

    def require(self, name: str) -> None:
        """Require this distribution, with the versions that whoever has the last word asks for."""
        asked = self.overrides.get(name) or self.pip.get(name)
        if name in _BY_CALLER:
            return
        if name in _OWN:
            self.required[name] = self._with_own_bounds(name, asked)
            return
        requirement = asked or Requirement(name)
        if not requirement.specifier:
            requirement.specifier = bounded(self.installed.versions.get(name))
        self.required[name] = written(requirement)

    def explain_missing(self) -> None:
        """Report modules that nothing is known of, unless a requirement is left to bring them.

        Which modules an unknown distribution brings cannot be known without installing it. So
        an override that no known import accounts for is taken for the unknown ones.
        """
        claimed = {name for several in KNOWN.values() for name in several} | _BY_CALLER | set(_OWN)
        for several in self.installed.distributions.values():
            claimed.update(map(_canonical, several))
        unclaimed = [name for name in self.overrides if name not in claimed]
        if self.missing and unclaimed:
            for name in unclaimed:
                self.require(name)
            return
        for module in self.missing:
            alike = next((name for name in self.pip if _alike(name, module)), None)
            if alike:
                self.require(alike)
                continue
            name = _canonical(module.partition(".")[0])
            if name in SHARED:
                message = f"`import {module}`: many distributions share the name `{name}`"
                hint = "import the module by its full name (google.colab exists in Colab only)"
                self._problem("NBF401", message, hint)
                continue
            self._problem(
                "NBF401",
                f"no distribution is known for `import {module}`",
                f"name it: `# nbfed: requires {name}` in the notebook, or `requires: [{name}]` in "
                "federation.yaml; a module of your own goes beside the notebook",
            )

    def _distributions(self, module: str) -> Sequence[str]:
        """The distribution to take, in canonical form; several if nothing tells, none if unknown.

        Whoever asked by name comes first, then what is installed, then the table of known ones.
        """
        top = module.partition(".")[0]
        if top in _OWN:
            return [top]
        known, named = _known(module), _canonical(top)
        if top in SHARED:
            return known
        here = [_canonical(name) for name in self.installed.distributions.get(top, ())]
        here = list(dict.fromkeys(here))
        for asked in (self.overrides, self.pip):
            found = [name for name in (*here, *known, named) if name in asked]
            if found:
                return found[:1]
        preferred = [name for name in (*known, named) if name in here]
        if preferred or len(here) == 1:
            return (preferred or here)[:1]
        return known[:1] or here

    def _with_own_bounds(self, name: str, asked: Requirement | None) -> str:
        own = Requirement(_OWN[name])
        if asked is None:
            return _OWN[name]
        if not compatible(asked.specifier, own.specifier):
            message = f"`{written(asked)}` is asked for, and the packages need {_OWN[name]}"
            self._problem("NBF404", message, f"see whether the notebook runs with {_OWN[name]}")
            return _OWN[name]
        if name in self.overrides:
            own.specifier &= asked.specifier
        return written(own)

    def _problem(self, code: str, message: str, hint: str) -> None:
        self.problems.append(diagnostic(code, self.place, message, hint))


def _known(module: str) -> tuple[str, ...]:
    """What the table knows of a module, by its longest dotted prefix."""
    parts = module.split(".")
    prefixes = (".".join(parts[:size]) for size in range(len(parts), 0, -1))
    return next((KNOWN[prefix] for prefix in prefixes if prefix in KNOWN), ())


def _canonical(name: str) -> str:
    return str(canonicalize_name(name))


def _by_name(lines: Iterable[str]) -> dict[str, Requirement]:
    requirements = (parse_requirement(line) for line in lines)
    parsed = [without_local(Requirement(line)) for line in requirements if line]
    return {_canonical(each.name): each for each in parsed}


def _is_within(module: str, namespace: str) -> bool:
    return module == namespace or module.startswith(f"{namespace}.")


def _alike(distribution: str, module: str) -> bool:
    """``my_tools`` probably comes from ``acme-my-tools`` or ``my-tools-py``."""
    return f"-{_canonical(module.partition('.')[0])}-" in f"-{distribution}-"


def _list(names: Sequence[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)
