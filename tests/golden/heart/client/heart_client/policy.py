"""The site's own rules, from `policy:` in its site.yaml; no message can change them."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, fields
from datetime import datetime, time
from pathlib import Path
from typing import NoReturn

from .exits import SiteError

_HOURS = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)\s*-\s*([01]?\d|2[0-3]):([0-5]\d)")
_ENDPOINT = re.compile(r"[^\s:/]+:\d{1,5}")


@dataclass(frozen=True)
class Hours:
    """The time of day in which this site works, by this machine's clock; maybe over midnight."""

    opens: time
    closes: time

    def hold(self, now: datetime) -> bool:
        """Say whether ``now`` is within these hours."""
        clock = now.time()
        if self.opens <= self.closes:
            return self.opens <= clock < self.closes
        return clock >= self.opens or clock < self.closes

    def __str__(self) -> str:
        return f"{self.opens:%H:%M}-{self.closes:%H:%M}"


@dataclass(frozen=True)
class Policy:
    """What this site allows.

    ``metrics`` are the only ones that leave (None: all that the package declares). A reply about
    fewer than ``least_examples`` is not sent. ``most_rounds`` are the rounds that one approval is
    good for (None: any number). ``downloads`` lets the package's code reach any address;
    ``connections`` are HOST:PORT that it may reach besides, such as this hospital's database.
    All paths among ``params`` have to lie in ``data_root``.
    """

    metrics: tuple[str, ...] | None = None
    least_examples: int = 0
    most_rounds: int | None = None
    hours: Hours | None = None
    downloads: bool = False
    connections: tuple[str, ...] = ()
    data_root: Path | None = None

    def described(self) -> dict[str, str]:
        """Return each rule in words."""
        allowed = None if self.metrics is None else ", ".join(self.metrics) or "none"
        return {
            "metrics": allowed or "all that the package declares",
            "least examples": str(self.least_examples or "any number"),
            "most rounds": str(self.most_rounds or "any number"),
            "hours": str(self.hours or "any time"),
            "downloads": "allowed" if self.downloads else "refused",
            "connections": ", ".join(self.connections) or "none but the server",
            "data root": str(self.data_root or "any folder"),
        }

    def closed(self, now: datetime) -> str:
        """Say why nothing is done at this time of day, "" if it is within the hours."""
        if self.hours is None or self.hours.hold(now):
            return ""
        return f"it is {now:%H:%M} here, and this site works {self.hours}"

    def outside(self, values: Mapping[str, object], folder: Path) -> list[str]:
        """Return the names of those ``values`` that are paths out of the data root.

        Relative ones are looked up from ``folder``; links are followed.
        """
        if self.data_root is None:
            return []
        root = self.data_root.resolve()
        return [
            name
            for name, value in values.items()
            for path in _paths(value, folder)
            if not path.is_relative_to(root)
        ]


def read_policy(content: object, folder: Path, where: Callable[[str], str]) -> Policy:
    """Read the value of `policy:`.

    ``where(key)`` is the file and line of a key, for messages. Raises SiteError.
    """
    if content is None:
        return Policy()
    if not isinstance(content, dict):
        raise SiteError(f"{where('')}: policy should hold `rule: value` lines")
    known = [field.name for field in fields(Policy)]
    for key in content:
        if key not in known:
            raise SiteError(
                f"{where(str(key))}: policy: unknown rule {key!r}; there are {', '.join(known)}"
            )
    return _Reader(content, folder, where).policy()


class _Reader:
    """Reads one rule after the other, each with its own form."""

    def __init__(
        self, content: Mapping[str, object], folder: Path, where: Callable[[str], str]
    ) -> None:
        self._content = content
        self._folder = folder
        self._where = where

    def policy(self) -> Policy:
        metrics = self._content.get("metrics")
        root = self._content.get("data_root")
        if root is not None and not isinstance(root, str):
            self._wrong("data_root", "a folder, such as /srv/heart")
        return Policy(
            metrics=None if metrics is None else self._names("metrics", "[accuracy, loss]"),
            least_examples=self._whole("least_examples") or 0,
            most_rounds=self._whole("most_rounds"),
            hours=self._hours(),
            downloads=self._flag("downloads"),
            connections=self._endpoints(),
            data_root=None if root is None else self._folder / Path(str(root)).expanduser(),
        )

    def _whole(self, key: str) -> int | None:
        value = self._content.get(key)
        if value is None:
            return None
        if type(value) is not int or value < 1:
            self._wrong(key, "a whole number above 0")
        return value

    def _flag(self, key: str) -> bool:
        value = self._content.get(key, False)
        if not isinstance(value, bool):
            self._wrong(key, "true or false")
        return value

    def _names(self, key: str, example: str) -> tuple[str, ...]:
        value = self._content.get(key)
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            self._wrong(key, f"a list of names, such as {example}")
        return tuple(value)

    def _hours(self) -> Hours | None:
        value = self._content.get("hours")
        if value is None:
            return None
        match = _HOURS.fullmatch(value) if isinstance(value, str) else None
        if match is None:
            self._wrong("hours", 'a span of the day in quotes, such as "20:00-06:00"')
        hour, minute, closing_hour, closing_minute = map(int, match.groups())
        hours = Hours(time(hour, minute), time(closing_hour, closing_minute))
        if hours.opens == hours.closes:
            self._wrong("hours", "a span of the day that has a beginning and another end")
        return hours

    def _endpoints(self) -> tuple[str, ...]:
        if self._content.get("connections") is None:
            return ()
        found = self._names("connections", '["db.hospital.example:5432"]')
        if not all(_ENDPOINT.fullmatch(item) for item in found):
            self._wrong("connections", 'a list of "HOST:PORT"')
        return found

    def _wrong(self, key: str, wanted: str) -> NoReturn:
        value = self._content.get(key)
        raise SiteError(
            f"{self._where(key)}: policy: {key} should be {wanted}, not {value!r}: correct it there"
        )


def _paths(value: object, folder: Path) -> Iterator[Path]:
    """Yield what in ``value`` can be meant as a path: it looks like one, or something is there."""
    if isinstance(value, str) and value.startswith(("[", "{")):
        # Lists and mappings of site.yaml are kept as JSON text.
        with suppress(ValueError):
            value = json.loads(value)
    if isinstance(value, list | dict):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _paths(item, folder)
    elif isinstance(value, str) and "://" not in value:
        path = folder / Path(value).expanduser()
        if "/" in value or "\\" in value or path.exists():
            yield path.resolve()


def not_allowed(names: Collection[str], policy: Policy) -> list[str]:
    """Return those metrics that this site keeps to itself."""
    return [name for name in names if policy.metrics is not None and name not in policy.metrics]
