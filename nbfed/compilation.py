"""From sources to what can be written: compile, find the requirements, check the federation."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from nbfed.compiler import compile_notebook
from nbfed.diagnostics import Diagnostic, has_errors, sort_diagnostics
from nbfed.emit import Build, Requirements, build_files, normalised, write
from nbfed.federation.agreement import require_agreement
from nbfed.program import Program
from nbfed.read.cells import Notebook
from nbfed.requirements.resolution import installed_here, resolve
from nbfed.sources import Sources

# What the generated modules import that does not come from the notebook. Server and site use
# parts of flwr that are not public, hence one minor version of it.
_BOTH = (
    "cryptography>=44",
    "flwr>=1.42,<1.43",
    "httpx>=0.28,<1",
    "numpy>=1.26,<3",
    "safetensors>=0.5,<1",
    "torch>=2.4,<3",
)
_SERVER = (
    *_BOTH,
    "h11>=0.16,<1",
    "protobuf>=5.28,<8",
    "uvicorn>=0.30,<1",
    "uvloop>=0.21,<1; sys_platform != 'win32'",
)
_CLIENT = (*_BOTH, "packaging>=24,<26", "pyyaml>=6.0.2,<7")


@dataclass(frozen=True)
class Compiled:
    """A notebook's program, None where a diagnostic is an error, and what it requires."""

    sources: Sources
    program: Program | None
    requirements: Requirements
    diagnostics: tuple[Diagnostic, ...]
    notebook: Notebook | None = None


def compile_sources(sources: Sources) -> Compiled:
    """Compile a notebook; nothing is written, and none of its code is run."""
    compilation = compile_notebook(
        sources.data, sources.notebook.name, sources.helpers, sources.federation.params
    )
    program, diagnostics = compilation.program, compilation.diagnostics
    notebook = compilation.notebook
    if program is None:
        return Compiled(sources, None, Requirements((), ()), diagnostics, notebook)
    server, at_server = _resolve(program.server_imports, program, sources, keep_all=False)
    client, at_client = _resolve(program.client_imports, program, sources, keep_all=True)
    found = sort_diagnostics([*diagnostics, *at_server, *at_client])
    # One distribution has the same bounds in both packages: a Flower App holds the two.
    bounds = server | client
    requirements = Requirements(
        _listed(server.keys(), _SERVER, bounds), _listed(client.keys(), _CLIENT, bounds)
    )
    program = None if has_errors(found) else program
    return Compiled(sources, program, requirements, found, notebook)


def _resolve(
    imports: Iterable[str], program: Program, sources: Sources, *, keep_all: bool
) -> tuple[dict[str, str], list[Diagnostic]]:
    """What the notebook's code needs, by name.

    What someone asked for by name and nothing imports goes to the sites (``keep_all``), where
    the notebook's code runs: pandas needs an engine that nobody imports to read a spreadsheet.
    """
    found, diagnostics = resolve(
        imports,
        program.pip,
        (*program.requires, *sources.federation.requires),
        installed=installed_here(),
        keep_all=keep_all,
        file=sources.notebook.name,
    )
    return {_name(requirement): requirement for requirement in found}, diagnostics


def _listed(names: Iterable[str], own: Iterable[str], bounds: Mapping[str, str]) -> tuple[str, ...]:
    """The requirements of a package, sorted; the notebook's bounds count before our own."""
    needed = {_name(requirement): requirement for requirement in own}
    needed |= {name: bounds[name] for name in {*names, *needed} & bounds.keys()}
    return tuple(sorted(needed.values(), key=str.lower))


def _name(requirement: str) -> str:
    return canonicalize_name(Requirement(requirement).name)


def require_federation(compiled: Compiled, *, complete: bool = False) -> None:
    """Refuse a federation.yaml that does not fit the compiled notebook.

    ``complete`` demands every site's values too. Raises FederationError.
    """
    if compiled.program is not None:
        sources = compiled.sources
        require_agreement(
            sources.federation, compiled.program, sources.federation_name, complete=complete
        )


def write_build(program: Program, compiled: Compiled, out: Path, *, force: bool) -> Build:
    """Write the packages into ``out/NAME``; raises OutputRefused."""
    sources = compiled.sources
    return write(
        program,
        sources.federation,
        compiled.requirements,
        out=out,
        notebook=sources.notebook,
        federation_file=sources.federation_file,
        force=force,
    )


def stale_files(program: Program, compiled: Compiled, out: Path) -> list[str]:
    """Files of the build's folder that are not what a build would write now; writes nothing."""
    sources = compiled.sources
    folder = out / normalised(sources.federation.name)

    def relative(path: Path | None) -> str:
        return Path(os.path.relpath(path.resolve(), folder.resolve())).as_posix() if path else ""

    _, files = build_files(
        program,
        sources.federation,
        compiled.requirements,
        notebook=relative(sources.notebook),
        federation_file=relative(sources.federation_file),
    )
    return [str(folder / path) for path, data in files.items() if not _is(folder / path, data)]


def _is(path: Path, data: bytes) -> bool:
    return path.is_file() and path.read_bytes() == data
