"""federation.yaml: who takes part in a federation, and how it is run."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from pathlib import PurePosixPath
from types import ModuleType
from typing import Annotated, Any, Literal

from packaging.requirements import InvalidRequirement, Requirement
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PrivateAttr,
    ValidationError,
    model_validator,
)
from pydantic_core import PydanticCustomError

from nbfed.emit.names import normalised
from nbfed.federation.errors import FederationError, Problem, explain, nearest
from nbfed.federation.yaml_lines import Document, Path, YamlError, read_yaml
from nbfed.template_folder import loaded_module

__all__ = [
    "Best",
    "Federation",
    "FederationError",
    "Server",
    "Site",
    "Stop",
    "Strategy",
    "Track",
    "Transport",
]

_HIGHEST_PORT = 65535


# The generated packages hold names to the same form.
SITE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
SITE_NAME_HINT = "use letters, digits, `-`, `_`, `.`; at most 64"


def _wrong(message: str, hint: str = "") -> PydanticCustomError:
    # The text goes in as a value: braces in it are not pydantic's placeholders.
    return PydanticCustomError("nbfed", "{message}", {"message": message, "hint": hint})


def _name(value: str) -> str:
    if not re.search(r"[A-Za-z0-9]", value):
        raise _wrong("must have a letter or a digit in it")
    return normalised(value)


def _site_name(value: str) -> str:
    if not SITE_NAME.fullmatch(value):
        raise _wrong("cannot name a site", SITE_NAME_HINT)
    if value == "pooled":
        raise _wrong("names the baseline over all sites' data", "give the site another name")
    return value


def _relative_path(value: str) -> str:
    if PurePosixPath(value).is_absolute() or "\\" in value:
        raise _wrong("must be a path relative to this file's folder, with forward slashes")
    return value


def _identifier(value: str) -> str:
    if not value.isidentifier():
        raise _wrong("is no name that a notebook could assign")
    return value


def _value(value: Any) -> Any:
    items = value if isinstance(value, list) else [value]
    if not all(isinstance(item, bool | int | float | str) for item in items):
        hint = "write a date in quotes" if "date" in type(items[0]).__name__ else ""
        raise _wrong("must be a number, text, true or false, or a list of these", hint)
    return value


def _address(value: str) -> str:
    host, _, port = value.rpartition(":")
    if not host or not port.isdecimal() or int(port) > _HIGHEST_PORT:
        raise _wrong("must be HOST:PORT", "for example 127.0.0.1:9092")
    return value


def _requirement(value: str) -> str:
    try:
        Requirement(value)
    except InvalidRequirement:
        raise _wrong(f"is no requirement: `{value}`", "for example `scikit-learn>=1.5`") from None
    return value


def _strategy_name(value: str) -> str:
    name = re.sub(r"[-_ ]", "", value.lower())
    known = _strategy_options().STRATEGIES
    if name not in known:
        raise _wrong(f"is no strategy known here: `{value}`", nearest(name, known))
    return name


def _condition(value: str) -> str:
    match = re.fullmatch(r"\s*([^\s<>=]+)\s*(>=|<=|>|<)\s*([^\s<>=]+)\s*", value)
    try:
        limit = float(match[3]) if match else math.nan
    except ValueError:
        limit = math.nan
    if match is None or not math.isfinite(limit):
        raise _wrong(f"is no condition: `{value}`", "for example `accuracy >= 0.9`")
    return " ".join(match.groups())


def _tracking_uri(value: str) -> str:
    if "@" in value.partition("://")[2].partition("/")[0]:
        hint = "MLflow reads MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD"
        raise _wrong("has a name or a password in it", hint)
    return value


def _device(value: str) -> str:
    if not re.fullmatch(r"auto|cpu|cuda(:\d+)?", value):
        raise _wrong(f"is no device: `{value}`", "write auto, cpu, cuda, or cuda:1")
    return value


def _strategy_options() -> ModuleType:
    """The generated server's own rules for strategies."""
    return loaded_module("server/package/strategy_options.py")


def _empty_if_none(value: Any) -> Any:
    return {} if value is None else value


def _sites(value: Any) -> Any:
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        if twice := [name for name in value if value.count(name) > 1]:
            raise _wrong(f"has `{twice[0]}` twice")
        return {name: {} for name in value}
    if isinstance(value, dict):
        return {name: _empty_if_none(site) for name, site in value.items()}
    return _empty_if_none(value)


Identifier = Annotated[str, AfterValidator(_identifier)]
Value = Annotated[Any, AfterValidator(_value)]
Values = Annotated[dict[Identifier, Value], BeforeValidator(_empty_if_none)]
SiteName = Annotated[str, AfterValidator(_site_name)]


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Strategy(_Model):
    """A strategy by its name in lower case, and its options."""

    model_config = ConfigDict(extra="allow", frozen=True, strict=True)
    __pydantic_extra__: dict[str, Value] = Field(init=False)

    name: Annotated[str, AfterValidator(_strategy_name)] = "fedavg"
    """One of those below; beside it stand its own options."""

    @property
    def options(self) -> dict[str, Any]:
        """The constructor's arguments by name: numbers, text, booleans and lists of them."""
        return dict(self.__pydantic_extra__)

    @model_validator(mode="before")
    @classmethod
    def _plain_name(cls, value: Any) -> Any:
        return {"name": value} if isinstance(value, str) else value


class Server(_Model):
    """Where sites reach the server; its values for the data that it has itself, if any.

    Port 0 lets the operating system choose.
    """

    address: Annotated[str, AfterValidator(_address)] = "127.0.0.1:9092"
    """HOST:PORT that sites reach; port 0 lets the system choose."""
    tls: bool = True
    """Encrypt, and let in only sites whose keys were admitted."""
    params: Values = Field(default_factory=dict)
    """The server's own values for site cells, where it has data itself."""


class Best(_Model):
    """Which of the weights to keep as the best ones: those with the most or least of a metric."""

    metric: Annotated[str, Field(min_length=1)]
    """A metric of the notebook, its mean over the sites by test rows."""
    mode: Literal["max", "min"] = "max"
    """Whether more is better, or less."""


class Stop(_Model):
    """When to stop early: after so many evaluations in which the best metric got no better."""

    patience: int = Field(ge=1)
    """Evaluations without a better `best` metric, after which the run stops."""


class Transport(_Model):
    """How weights travel between the server and the sites.

    `half` takes half the bytes each way: weights of float32, and SCAFFOLD's control variates,
    travel as float16 numbers with one exponent an array, so that none overflows; all else travels
    as it is. The server, its checkpoints, and what a site keeps stay at full precision. Lost is
    what is below 1/2048 of a weight: a round that changes weights by less than that leaves them as
    they were, so it does not suit fine tuning by very small steps. The sites' metrics are those of
    the rounded weights.
    """

    precision: Literal["full", "half"] = "full"
    """`half` for half the bytes of weights of float32, which are rounded on their way."""


class Track(_Model):
    """Where a run's events go as well: the address of an MLflow, a folder for TensorBoard."""

    mlflow: Annotated[str, AfterValidator(_tracking_uri)] = ""
    """The address of an MLflow, for example sqlite:///mlflow.db."""
    tensorboard: str = ""
    """A folder for TensorBoard."""

    @property
    def wanted(self) -> dict[str, str]:
        """The trackers by name, each with its address or folder."""
        return {name: where for name, where in self.model_dump().items() if where}


class Site(_Model):
    """One hospital: its values for the notebook's site cells, its overrides of parameters.

    ``device`` says which GPU its process may see.
    """

    params: Values = Field(default_factory=dict)
    """Its values for the notebook's site cells."""
    overrides: Values = Field(default_factory=dict)
    """Parameters that this site sets otherwise than the server."""
    device: Annotated[str, AfterValidator(_device)] = "auto"
    """auto, cpu, or a GPU such as cuda:0."""

    def node_config(self) -> dict[str, Any]:
        """The values as Flower's node configuration: scalars, and lists as JSON text."""
        values = {**self.params, **{f"param.{key}": each for key, each in self.overrides.items()}}
        return {
            key: json.dumps(value) if isinstance(value, list) else value
            for key, value in values.items()
        }


class Federation(_Model):
    """A federation's settings. Times are in seconds; ``min_sites`` 0 stands for all sites.

    ``name`` and ``notebook`` are empty where the file leaves them out; see ``named``.
    ``seed`` None leaves the seed to the notebook.
    """

    name: Annotated[str, AfterValidator(_name)] = ""
    """Names the packages and folders; by default the notebook's name."""
    notebook: Annotated[str, AfterValidator(_relative_path)] = ""
    """The notebook, relative to this file's folder."""
    rounds: int = Field(default=3, ge=1)
    """Rounds of training."""
    seed: int | None = Field(default=None, ge=0, lt=2**63)
    """Seed of all that is random; by default the notebook's own."""
    strategy: Strategy = Field(default_factory=Strategy)
    """A strategy's name, or its name and options."""
    min_sites: int = Field(default=0, ge=0)
    """Sites that a round needs; 0 stands for all."""
    join_timeout: float = Field(default=600.0, gt=0)
    """Seconds to wait for sites before the first round."""
    round_timeout: float = Field(default=3600.0, gt=0)
    """Seconds after which a round ends without those that are late."""
    evaluate_every: int = Field(default=1, ge=0)
    """Rounds between evaluations; 0 for one at the end alone."""
    keep_checkpoints: int = Field(default=3, ge=1)
    """How many of the newest checkpoints are kept."""
    best: Best | None = None
    """Keep the weights with the best mean of a metric."""
    stop: Stop | None = None
    """Stop early when that metric gets no better."""
    stop_when: Annotated[str, AfterValidator(_condition)] = ""
    """Stop as soon as this holds, for example `accuracy >= 0.9`."""
    params: Values = Field(default_factory=dict)
    """Parameters that the server sets otherwise than the notebook."""
    requires: list[Annotated[str, AfterValidator(_requirement)]] = Field(default_factory=list)
    """Requirements beyond what the imports tell."""
    server: Server = Field(default_factory=Server)
    """Where sites reach the server."""
    track: Track | None = None
    """Trackers that follow the run."""
    transport: Transport = Field(default_factory=Transport)
    """How weights travel."""
    sites: Annotated[dict[SiteName, Site], BeforeValidator(_sites)] = Field(default_factory=dict)
    """The sites by name, each with its values."""

    _document: Document = PrivateAttr(default_factory=lambda: Document(None))

    @classmethod
    def from_text(cls, text: str, file: str = "federation.yaml") -> Federation:
        """Read the text of a federation.yaml; raises FederationError with all problems."""
        try:
            document = read_yaml(text)
            federation = cls.model_validate({} if document.value is None else document.value)
        except YamlError as error:
            problem = Problem(error.line, error.message, error.hint)
            raise FederationError(file, [problem]) from None
        except ValidationError as error:
            raise FederationError(file, explain(error, document, _KEYS)) from None
        if problems := list(federation._contradictions(document)):
            raise FederationError(file, problems)
        federation._document = document
        return federation

    def _contradictions(self, document: Document) -> Iterator[Problem]:
        if self.sites and self.min_sites > len(self.sites):
            message = f"`min_sites` is {self.min_sites}, but `sites` has {len(self.sites)}"
            yield Problem(document.line(("min_sites",)), message)
        if self.stop and not self.best:
            message = "`stop.patience` waits for a metric to get better, but `best` names none"
            hint = "write `best: {metric: accuracy}`, with a metric of the notebook"
            yield Problem(document.line(("stop", "patience")), message, hint)
        if self.evaluate_every == 0 and (self.best or self.stop_when):
            message = "`evaluate_every` is 0: the metrics that `best` and `stop_when` need are"
            message += " only known at the end"
            yield Problem(document.line(("evaluate_every",)), message, "leave it out, or write 1")
        yield from self._strategy_problems(document)

    def _strategy_problems(self, document: Document) -> Iterator[Problem]:
        rules, strategy = _strategy_options(), self.strategy
        try:
            rules.checked_options(strategy.name, strategy.options, len(self.sites))
        except rules.StrategyError as error:
            path: Path = ("strategy", error.option) if error.option else ("strategy",)
            yield Problem(document.line(path), str(error))

    def named(self, stem: str) -> Federation:
        """The same federation, named after the notebook's stem where it has no name."""
        return self if self.name else self.model_copy(update={"name": normalised(stem)})

    def line(self, path: Path) -> int:
        """The line of the file on which the value with this path stands."""
        return self._document.line(path)


_KEYS = {
    "": tuple(Federation.model_fields),
    "best": tuple(Best.model_fields),
    "server": tuple(Server.model_fields),
    "sites": tuple(Site.model_fields),
    "stop": tuple(Stop.model_fields),
    "track": tuple(Track.model_fields),
    "transport": tuple(Transport.model_fields),
}
