"""Lay out the output tree of a build: which generated file stands where."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from nbfed import __version__
from nbfed.emit.calls import StageCalls, declared, exchange, names_tuple
from nbfed.emit.devices import client_asks_for_gpu, server_asks_for_gpu
from nbfed.emit.names import Names
from nbfed.emit.run_config import as_toml, run_config
from nbfed.emit.stage_module import (
    Module,
    generated_note,
    keys_module,
    params_module,
    site_module,
    stage_module,
)
from nbfed.emit.templates import render, rendered_modules, static_modules
from nbfed.program import HelperModule, Program, ServerEvaluation, Stage
from nbfed.template_folder import loaded_module, templates_path

if TYPE_CHECKING:
    from nbfed.federation.schema import Federation

# A generated package is identified by its digest; the version only has to be a valid one.
PACKAGE_VERSION = "1.0.0"

# Templates of the client package that one stage or dataclass fills; all others of its folder
# are rendered with the whole program.
_STAGE_TEMPLATES = frozenset({"data.py", "train.py", "evaluate.py", "site_config.py"})
_SERVER_STAGES = frozenset({"data.py", "evaluate.py", "server_config.py"})


@dataclass(frozen=True)
class Requirements:
    """Requirement strings of the two packages, sorted."""

    server: tuple[str, ...]
    client: tuple[str, ...]

    @property
    def both(self) -> tuple[str, ...]:
        """Requirements of an app that holds both packages."""
        return tuple(sorted({*self.server, *self.client}, key=str.lower))


@dataclass(frozen=True)
class Tree:
    """The files of a build by POSIX path below its folder, and the digests of the packages."""

    files: Mapping[str, bytes]
    client_digest: str
    server_digest: str


def output_tree(
    program: Program, federation: Federation, names: Names, requirements: Requirements
) -> Tree:
    """Every generated file of a build but build.json."""
    context: dict[str, Any] = {
        "program": program,
        "federation": federation,
        "names": names,
        "requirements": requirements,
        "nbfed_version": __version__,
        "run_config": [
            (key, as_toml(value)) for key, value in run_config(program, federation).items()
        ],
        "package_version": PACKAGE_VERSION,
        "generated": generated_note(program),
        "declared": declared,
        "exchange": exchange,
        "names_tuple": names_tuple,
    }
    at_site = StageCalls(program, "given.params", "given.config", size='sizes["{}"]')
    client = _client_package(
        program, {**context, "calls": at_site, "asks_for_gpu": client_asks_for_gpu(program)}
    )
    client_digest = package_digest(client)
    context["client_digest"] = client_digest
    at_server = {
        "calls": StageCalls(program, "self._params", "self._config", size="self._params.{}"),
        "first_calls": StageCalls(program, "params", "config", size="params.{}"),
        "asks_for_gpu": server_asks_for_gpu(program),
    }
    server = _server_package(program, {**context, **at_server})
    files: dict[str, bytes] = {}
    for folder, packages in (
        ("server", {names.server_package: server}),
        ("client", {names.client_package: client}),
        ("flower-app", {names.server_package: server, names.client_package: client}),
    ):
        for name, text in rendered_modules(folder, context).items():
            files[f"{folder}/{name}"] = text.encode()
        for package, modules in packages.items():
            files.update({f"{folder}/{package}/{path}": data for path, data in modules.items()})
    return Tree(dict(sorted(files.items())), client_digest, package_digest(server))


def _client_package(program: Program, context: Mapping[str, Any]) -> dict[str, bytes]:
    stages: dict[str, Module] = {
        "data.py": stage_module(program, program.data, "client/package/data.py.jinja"),
        "train.py": stage_module(program, program.train, "client/package/train.py.jinja"),
        "site_config.py": site_module(program, "client/package/site_config.py.jinja"),
        **_shared_stages(program),
    }
    if program.evaluate:
        stages["evaluate.py"] = stage_module(
            program, program.evaluate, "client/package/evaluate.py.jinja"
        )
    package = _package(
        stages, "client/package", context, helpers=program.helpers, skip=_STAGE_TEMPLATES
    )
    if not program.keep:
        del package["keeping.py"]
    return package


def _server_package(program: Program, context: Mapping[str, Any]) -> dict[str, bytes]:
    stages = _shared_stages(program)
    if program.strategy:
        stages["strategy_cell.py"] = _strategy_module(program, program.strategy)
    # What only data, training or evaluation use has no business at the server.
    helpers = [helper for helper in program.helpers if helper.at_server]
    stages |= _own_evaluation(program, program.server) if program.server else {}
    skip = frozenset({"strategy_cell.py"}) | _SERVER_STAGES
    if program.server is None:
        skip |= {"own_evaluation.py"}
    package = _package(stages, "server/package", context, helpers=helpers, skip=skip)
    if not program.sizes:
        del package["sizes.py"]
    return package


def _own_evaluation(program: Program, server: ServerEvaluation) -> dict[str, Module]:
    folder = "server/package"
    stages = {
        "data.py": stage_module(
            program, server.data, f"{folder}/data.py.jinja", data_class="ServerData"
        ),
        "evaluate.py": stage_module(program, server.evaluate, f"{folder}/evaluate.py.jinja"),
    }
    if server.keys:
        template = f"{folder}/server_config.py.jinja"
        stages["server_config.py"] = keys_module(program, server.keys, template)
    return stages


def _strategy_module(program: Program, stage: Stage) -> Module:
    return stage_module(program, stage, "server/package/strategy_cell.py.jinja")


def _shared_stages(program: Program) -> dict[str, Module]:
    return {
        "params.py": params_module(program, "shared/params.py.jinja"),
        "model.py": stage_module(program, program.model, "shared/model.py.jinja"),
    }


def _package(
    stages: Mapping[str, Module],
    folder: str,
    context: Mapping[str, Any],
    *,
    helpers: Iterable[HelperModule],
    skip: frozenset[str],
) -> dict[str, bytes]:
    files = {name: module.text.encode() for name, module in stages.items()}
    files.update(static_modules("shared"))
    files.update(static_modules(folder))
    if not context["asks_for_gpu"]:
        del files["devices.py"]
    for name in rendered_names(folder) - skip:
        files[name] = render(f"{folder}/{name}.jinja", context).encode()
    files.update({helper.path: helper.text.encode() for helper in helpers})
    sourcemap = {
        name: [lines.as_list() for lines in module.mapped]
        for name, module in sorted(stages.items())
        if module.mapped
    }
    files["sourcemap.json"] = _sourcemap_json(sourcemap)
    return dict(sorted(files.items()))


def rendered_names(folder: str) -> frozenset[str]:
    """Names of the modules that a templates folder renders."""
    return frozenset(
        path.name.removesuffix(".jinja") for path in (templates_path() / folder).glob("*.jinja")
    )


def _sourcemap_json(sourcemap: Mapping[str, list[list[int]]]) -> bytes:
    """One line a mapping, so that a difference between two builds can be read."""
    modules = []
    for name, rows in sourcemap.items():
        listed = ",\n".join(f"    {json.dumps(row)}" for row in rows)
        modules.append(f"  {json.dumps(name)}: [\n{listed}\n  ]")
    return ("{\n" + ",\n".join(modules) + "\n}\n").encode()


def package_digest(files: Mapping[str, bytes]) -> str:
    """SHA-256 (hex) of a package's files, as the package computes it of itself."""
    return cast(str, loaded_module("shared/digest.py").digest_of(files))
