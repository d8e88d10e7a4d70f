"""Source text of the calls by which a site, or the server, runs a program's stages."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from nbfed.emit.imports import LINE_LENGTH
from nbfed.program import Argument, Origin, Program, Stage
from nbfed.roles import Role


@dataclass(frozen=True)
class StageCalls:
    """Renders calls for one program; the template chooses where they stand.

    ``params`` and ``config`` are the expressions there for the notebook's parameters and for what
    only this side knows; model and data are called so. ``size`` has {} for the name of a number
    that the model has from the data: sites compute it, for the server it is a parameter.
    """

    program: Program
    params: str
    config: str
    size: str

    @property
    def several_modules(self) -> bool:
        """Whether the model is a ModuleDict of several modules."""
        return len(self.program.model.results) > 1

    @property
    def model_type(self) -> str:
        """The type of what ``model.py`` makes."""
        return "torch.nn.ModuleDict" if self.several_modules else "torch.nn.Module"

    def call(self, stage: Stage, indent: int, before: str = "") -> str:
        """``before`` and the call, each argument by name, on one line where it fits."""
        arguments = [f"{each.name}={self._value(stage, each)}" for each in stage.arguments]
        margin = " " * indent
        line = f"{margin}{before}{stage.entry}({', '.join(arguments)})"
        if len(line) <= LINE_LENGTH:
            return line
        rows = "".join(f"{margin}    {argument},\n" for argument in arguments)
        return f"{margin}{before}{stage.entry}(\n{rows}{margin})"

    def values(self, stage: Stage, indent: int, before: str) -> str:
        """``before`` and a tuple of the settings that the stage is given."""
        values = [
            self._value(stage, argument)
            for argument in stage.arguments
            if argument.origin in (Origin.PARAMS, Origin.SITE)
        ]
        margin = " " * indent
        line = f"{margin}{before}({', '.join(values)}{',' * (len(values) == 1)})"
        if len(line) <= LINE_LENGTH:
            return line
        rows = "".join(f"{margin}    {value},\n" for value in values)
        return f"{margin}{before}(\n{rows}{margin})"

    def takes(self, stage: Stage, origin: str) -> bool:
        """Whether the stage has an argument of this origin ("params", "site", "data")."""
        return any(argument.origin == origin for argument in stage.arguments)

    def _value(self, stage: Stage, argument: Argument) -> str:
        match argument.origin:
            case Origin.MODEL:
                return f'model["{argument.name}"]' if self.several_modules else "model"
            case Origin.DATA:
                is_size = stage.role is Role.MODEL
                return self.size.format(argument.name) if is_size else f"data.{argument.name}"
            case Origin.PARAMS:
                return f"{self.params}.{argument.name}"
            case Origin.SITE:
                return f"{self.config}.{argument.name}"


def declared(stage: Stage) -> str:
    """The tuple of the metrics' names; ``None`` where the code makes them as it runs."""
    if stage.mapping:
        return "None"
    return names_tuple(stage.results)


def exchange(program: Program) -> str:
    """The tuple of which entries of the model travel."""
    return names_tuple(program.exchange)


def names_tuple(names: Sequence[str]) -> str:
    """A tuple of texts, as Python has it."""
    items = ", ".join(f'"{name}"' for name in names)
    return f"({items},)" if len(names) == 1 else f"({items})"
