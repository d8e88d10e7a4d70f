"""The program: what the compiler understood of a notebook, ready to be written out.

This is the border between *plan* (which makes it) and *emit* (which renders it). Everything
here is a frozen value; nothing here does I/O.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from nbfed.roles import Role


class Origin(StrEnum):
    """Who supplies an argument of a stage's function."""

    PARAMS = "params"
    SITE = "site"
    DATA = "data"
    MODEL = "model"


@dataclass(frozen=True)
class Fragment:
    """Consecutive lines of one cell, verbatim, starting at 1-based ``line`` of ``cell``."""

    cell: int
    line: int
    text: str


@dataclass(frozen=True)
class Parameter:
    """A typed parameter with a default: the server may set it, a site may override it.

    ``default`` is source text of a literal, ``comment`` the author's trailing comment.
    """

    name: str
    annotation: str
    default: str
    cell: int
    line: int
    comment: str = ""


@dataclass(frozen=True)
class SiteKey:
    """A value that differs per hospital: a key of site.yaml. It has no default on purpose.

    The coordinator's own value is never part of a program.
    """

    name: str
    annotation: str
    cell: int
    line: int
    comment: str = ""


@dataclass(frozen=True)
class Argument:
    """An argument of a stage's function, by the name that the notebook's code uses."""

    name: str
    origin: Origin
    annotation: str = "Any"


@dataclass(frozen=True)
class Stage:
    """One generated function and the module around it.

    Order in the generated module: ``imports``, ``module`` (definitions that need no
    argument), then ``def entry(*, arguments):`` with ``body`` (prologue and the role's own
    statements, notebook order), then the inferred ``call`` if the notebook only defines
    functions, then the return of ``results``.

    ``results`` means: for data the names bound, for model the modules' names, for train and
    evaluate the metrics' names. ``mapping`` is set instead where the metrics come as one
    dict or mapping held by the local name given, with keys unknown until it runs.
    ``rebinds_model`` tells that the stage assigns the model's name anew. ``guessed`` tells that
    no option names the metrics: they are what the text suggests, and may turn out to be none.
    """

    role: Role
    entry: str
    arguments: tuple[Argument, ...] = ()
    imports: tuple[Fragment, ...] = ()
    module: tuple[Fragment, ...] = ()
    body: tuple[Fragment, ...] = ()
    call: str = ""
    results: tuple[str, ...] = ()
    mapping: str = ""
    rebinds_model: bool = False
    guessed: bool = False


@dataclass(frozen=True)
class HelperModule:
    """A local module beside the notebook that the compiled code imports.

    ``path`` is its POSIX path below the generated package: ``helpers/`` and its path relative
    to the notebook's folder. ``at_server`` tells whether the server's code imports it too.
    """

    path: str
    text: str
    at_server: bool = True


@dataclass(frozen=True)
class ServerEvaluation:
    """Evaluation at the server: how its own data are loaded, and the notebook's evaluation.

    ``keys`` are the values of site cells that these two use: the server has its own for them.
    """

    data: Stage
    evaluate: Stage
    keys: tuple[SiteKey, ...] = ()


@dataclass(frozen=True)
class Program:
    """All that the compiler understood. Outputs, counts and ids of cells are not in it.

    ``train_examples`` and ``evaluate_examples`` name the data result whose length weighs a
    site. ``seed`` is the notebook's own seed, where it sets one. ``modules`` are the
    top-level names imported by the client's and by the server's generated modules. ``requires``
    holds the requirements of ``# nbfed: requires``. ``exchange`` has "all", "trainable" or
    patterns of names: which entries of the model travel. ``keep`` has the names of what training
    goes on with in the next round. ``server`` is set where the notebook has data for the server.
    """

    notebook: str
    params: tuple[Parameter, ...]
    site: tuple[SiteKey, ...]
    data: Stage
    model: Stage
    train: Stage
    evaluate: Stage | None = None
    strategy: Stage | None = None
    train_examples: str = ""
    evaluate_examples: str = ""
    seed: int | None = None
    client_imports: tuple[str, ...] = ()
    server_imports: tuple[str, ...] = ()
    pip: tuple[str, ...] = ()
    helpers: tuple[HelperModule, ...] = field(default=())
    requires: tuple[str, ...] = ()
    exchange: tuple[str, ...] = ("all",)
    keep: tuple[str, ...] = ()
    server: ServerEvaluation | None = None

    @property
    def sizes(self) -> tuple[str, ...]:
        """What the model has from the data: whole numbers that a site tells the server."""
        return tuple(item.name for item in self.model.arguments if item.origin is Origin.DATA)
