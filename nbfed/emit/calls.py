"""Source text of the calls by which the client app runs a program's stages."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from nbfed.emit.imports import LINE_LENGTH
from nbfed.program import Argument, Origin, Program, Stage

# The local names in client_app.py that hold what a stage may ask for.
_HOLDERS = {Origin.PARAMS: "params", Origin.SITE: "config", Origin.DATA: "data"}


@dataclass(frozen=True)
class StageCalls:
    """Renders calls for one program; the template chooses where they stand."""

    program: Program

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

    def made_of(self, stage: Stage, indent: int, before: str) -> str:
        """``before`` and a tuple of all that the stage's result depends on."""
        values = ["trip.seed", *(self._value(argument) for argument in stage.arguments)]
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
        if argument.origin is Origin.MODEL:
            return f'model["{argument.name}"]' if self.several_modules else "model"
        return f"{_HOLDERS[argument.origin]}.{argument.name}"


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
