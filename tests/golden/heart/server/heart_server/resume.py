"""A run that broke off, as its folder tells it: what it was asked to do, and how far it came."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .settings import CLIENT_DIGEST, NAME, Scalar, Settings, SettingsError

EVENTS = "events.jsonl"
BUILD = "build.json"

# What the weights so far depend on: another value would make another run of it.
_FIXED = ("seed", "strategy", "strategy-options", "params", "transport-precision")


def resumed_settings(run: Path, given: Mapping[str, Scalar]) -> Settings:
    """Return the settings of the run in ``run``, with those ``given`` in place of its own.

    Raises SettingsError where there is no run, or one that cannot go on like this.
    """
    before = settings_of(run)
    asked = {**before.to_run_config(), **given, "run-dir": str(run), "resume": True}
    settings = Settings.from_run_config(asked)
    check_same(before, settings)
    return settings


def settings_of(run: Path) -> Settings:
    """Return the settings with which the run in ``run`` was started; raises SettingsError."""
    try:
        build: dict[str, Any] = json.loads((run / BUILD).read_text(encoding="utf-8"))
        config = dict(build["run_config"])
    except FileNotFoundError as error:
        raise SettingsError(f"{run} holds no run to go on with") from error
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise SettingsError(f"{run / BUILD} is not one that this server wrote") from error
    if build.get("name") != NAME or build.get("client_digest") != CLIENT_DIGEST:
        raise SettingsError(
            f"{run} is a run of another build ({build.get('name')}): what its sites run is not "
            "what this server was built for; start a new run, or build again what it ran"
        )
    return Settings.from_run_config(config)


def check_same(before: Settings, now: Settings) -> None:
    """Raise SettingsError where a resumed run would not be the same run any more."""
    was, will_be = before.to_run_config(), now.to_run_config()
    for key in _FIXED:
        if was[key] != will_be[key]:
            raise SettingsError(
                f"{key} is {will_be[key]}, but the run was started with {was[key]}: a resumed "
                "run keeps it"
            )


def read_events(file: Path) -> list[dict[str, Any]]:
    """Return the events in ``file``; the last line of a server that was killed may be torn."""
    events = []
    for line in file.read_bytes().splitlines(keepends=True):
        if line.endswith(b"\n"):
            events.append(json.loads(line))
    return events
