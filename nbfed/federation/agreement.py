"""Whether a federation.yaml and a notebook speak of the same parameters and sites."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from nbfed.federation.errors import FederationError, Problem, nearest
from nbfed.federation.schema import Federation
from nbfed.federation.yaml_lines import Path
from nbfed.program import Program

_TYPES: Mapping[str, tuple[type, ...]] = {
    "bool": (bool,),
    "float": (float, int),
    "int": (int,),
    "str": (str,),
}


def require_agreement(
    federation: Federation, program: Program, file: str, *, complete: bool = False
) -> None:
    """Refuse values for names that the notebook lacks, or of another type than its own.

    ``complete`` also demands every site's value for every key, as a simulation needs.
    Raises FederationError with all that is wrong.
    """
    problems = [
        *_run_params(federation, program),
        *_site_values(federation, program),
        *_server_values(federation, program),
        *_metrics(federation, program),
    ]
    if complete:
        problems += [*_missing(federation, program), *_missing_at_server(federation, program)]
    if problems:
        raise FederationError(file, problems)


def _run_params(federation: Federation, program: Program) -> Iterator[Problem]:
    own = {key.name for key in program.site}
    for name, value in federation.params.items():
        path: Path = ("params", name)
        if name in own:
            hint = "give it to each site, under `sites:`, NAME, `params:`"
            message = f"`{name}` belongs to the sites: the server cannot set it"
            yield Problem(federation.line(path), message, hint)
        else:
            yield from _parameter(federation, program, path, value)


def _site_values(federation: Federation, program: Program) -> Iterator[Problem]:
    parameters = {parameter.name for parameter in program.params}
    keys = {key.name: key.annotation for key in program.site}
    for site, values in federation.sites.items():
        for name, value in values.params.items():
            path: Path = ("sites", site, "params", name)
            if name in keys:
                yield from _type(federation, path, keys[name], value)
            elif name in parameters:
                message = f"`{name}` is a parameter of the notebook, not a value of its site cells"
                hint = f"put it under `overrides:` of {site}"
                yield Problem(federation.line(path), message, hint)
            else:
                message = f"{program.notebook} has no site cell that sets `{name}`"
                yield Problem(federation.line(path), message, nearest(name, keys))
        for name, value in values.overrides.items():
            yield from _parameter(federation, program, ("sites", site, "overrides", name), value)


def _server_values(federation: Federation, program: Program) -> Iterator[Problem]:
    if program.server and federation.strategy.name == "fedbn":
        message = (
            "fedbn keeps a part of the model at the sites, which `data server` cannot evaluate"
        )
        yield Problem(federation.line(("strategy",)), message, "use another strategy")
    keys = {key.name: key.annotation for key in program.server.keys} if program.server else {}
    for name, value in federation.server.params.items():
        path: Path = ("server", "params", name)
        if name in keys:
            yield from _type(federation, path, keys[name], value)
        else:
            message = f"{program.notebook} has no site cell that sets `{name}` for `data server`"
            yield Problem(federation.line(path), message, nearest(name, keys))


def _metrics(federation: Federation, program: Program) -> Iterator[Problem]:
    stage = program.evaluate or (program.server and program.server.evaluate) or program.train
    if stage.mapping:  # the names are only known as the code runs
        return
    named: list[tuple[Path, str]] = []
    if federation.best:
        named.append((("best", "metric"), federation.best.metric))
    if federation.stop_when:
        named.append((("stop_when",), federation.stop_when.split()[0]))
    for path, metric in named:
        if metric not in stage.results:
            message = f"{program.notebook} has no metric `{metric}`"
            yield Problem(federation.line(path), message, nearest(metric, stage.results))


def _parameter(
    federation: Federation, program: Program, path: Path, value: Any
) -> Iterator[Problem]:
    name, known = str(path[-1]), {each.name: each.annotation for each in program.params}
    if name in known:
        yield from _type(federation, path, known[name], value)
    else:
        message = f"{program.notebook} has no parameter `{name}`"
        yield Problem(federation.line(path), message, nearest(name, known))


def _type(federation: Federation, path: Path, annotation: str, value: Any) -> Iterator[Problem]:
    wanted = _TYPES.get(annotation)
    if wanted is None or type(value) in wanted:
        return
    shown = ".".join(map(str, path))
    message = f"`{shown}` must be {annotation}, as in the notebook, not {type(value).__name__}"
    yield Problem(federation.line(path), message)


def _missing(federation: Federation, program: Program) -> Iterator[Problem]:
    for site, values in federation.sites.items():
        if lacking := [key.name for key in program.site if key.name not in values.params]:
            listed = ", ".join(f"`{name}`" for name in lacking)
            message = f"site {site} has no value for {listed}"
            hint = f"give it under `sites:`, {site}, `params:`"
            yield Problem(federation.line(("sites", site)), message, hint)


def _missing_at_server(federation: Federation, program: Program) -> Iterator[Problem]:
    keys = program.server.keys if program.server else ()
    if lacking := [key.name for key in keys if key.name not in federation.server.params]:
        message = f"the server has no value for {', '.join(f'`{name}`' for name in lacking)}"
        hint = "give it under `server:`, `params:`"
        yield Problem(federation.line(("server",)), message, hint)
