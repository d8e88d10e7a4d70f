"""Source text of the calls by which a site, or the server, runs a program's stages."""

from __future__ import annotations

from dataclasses import dataclass

from nbfed.emit.imports import LINE_LENGTH
from nbfed.program import Argument, Origin, Program, Stage


@dataclass(frozen=True)
class StageCalls:
    """Renders calls for one program; the template chooses where they stand.

    ``params`` and ``config`` are the expressions there for the notebook's parameters and for what
    only this side knows; model and data are called so.
    """

    program: Program
    params: str
    config: str

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
        arguments = [f"{argument.name}={self._value(argument)}" for argument in stage.arguments]
        margin = " " * indent
        line = f"{margin}{before}{stage.entry}({', '.join(arguments)})"
        if len(line) <= LINE_LENGTH:
            return line
        rows = "".join(f"{margin}    {argument},\n" for argument in arguments)
        return f"{margin}{before}{stage.entry}(\n{rows}{margin})"

    def values(self, stage: Stage, indent: int, before: str) -> str:
        """``before`` and a tuple of all values that the stage is given."""
        values = [self._value(argument) for argument in stage.arguments]
        margin = " " * indent
        line = f"{margin}{before}({', '.join(values)}{',' * (len(values) == 1)})"
        if len(line) <= LINE_LENGTH:
            return line
        rows = "".join(f"{margin}    {value},\n" for value in values)
        return f"{margin}{before}(\n{rows}{margin})"

    def takes(self, stage: Stage, origin: str) -> bool:
        """Whether the stage has an argument of this origin ("params", "site", "data")."""
        return any(argument.origin == origin for argument in stage.arguments)

    def _value(self, argument: Argument) -> str:
        match argument.origin:
            case Origin.MODEL:
                return f'model["{argument.name}"]' if self.several_modules else "model"
            case Origin.DATA:
                return f"data.{argument.name}"
            case Origin.PARAMS:
                return f"{self.params}.{argument.name}"
            case Origin.SITE:
                return f"{self.config}.{argument.name}"


def declared(stage: Stage) -> str:
    """The tuple of the metrics' names; ``None`` where the code makes them as it runs."""
    if stage.mapping:
        return "None"
    names = ", ".join(f'"{name}"' for name in stage.results)
    return f"({names},)" if len(stage.results) == 1 else f"({names})"


def exchange(program: Program) -> str:
    """The tuple of which entries of the model travel."""
    items = ", ".join(f'"{item}"' for item in program.exchange)
    return f"({items},)" if len(program.exchange) == 1 else f"({items})"
