"""The facts of a run in words: how it ended, its figures in one line, its configuration."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from nbfed.outcome.results import FEDERATED, OWN, Results
from nbfed.progress.display import count, duration, size
from nbfed.report.comparison import Comparison
from nbfed.report.numbers import between, number, signed, whole
from nbfed.report.program import ProgramRecord
from nbfed.report.record import ALL_SITES, SERVER, Record

Pairs = list[tuple[str, str]]

_GOOD = ("finished", "stopped early")
# Told elsewhere on the page, or only of use to the process that ran it.
_NOT_SHOWN = ("params", "sites", "resume", "engine", "poll-seconds")


@dataclass(frozen=True)
class Status:
    """How a run ended, in a word and a sentence; ``good`` where it did all it was asked to."""

    word: str
    sentence: str
    good: bool


@dataclass(frozen=True)
class Highlight:
    """A figure that stands for itself: what it is, the figure, and a line below it."""

    label: str
    text: str
    note: str = ""


def status(record: Record) -> Status:
    """How the run ended."""
    outcome, reason = str(record.ended.get("outcome", "")), str(record.ended.get("reason", ""))
    if not outcome:
        return Status(
            "no end", "Its events stop before its end: it goes on, or it was cut off.", False
        )
    told = f"{reason[:1].upper()}{reason[1:]}" if reason else ""
    return Status(outcome, told, outcome in _GOOD)


def highlights(record: Record, comparison: Comparison | None) -> list[Highlight]:
    """The few figures that head the page."""
    found = list(_model_highlights(record, comparison))
    done, asked = len(record.round_seconds), record.about.get("rounds", 0)
    rows = sum(site.train_rows for site in record.sites.values())
    moved = sum(site.sent + site.received for site in record.sites.values())
    took_part = sum(site.rounds > 0 for site in record.sites.values())
    found.append(Highlight("rounds", f"{done} of {asked}", str(record.about.get("strategy", ""))))
    found.append(
        Highlight("sites", f"{took_part} of {len(record.sites)}", f"{whole(rows)} training rows")
    )
    if moved:
        found.append(Highlight("moved", size(moved), "both ways"))
    if "seconds" in record.ended:
        per_round = sum(record.round_seconds.values()) / max(done, 1)
        note = f"{duration(per_round)} a round" if done else ""
        found.append(Highlight("time", duration(record.ended["seconds"]), note))
    return found


def _model_highlights(record: Record, comparison: Comparison | None) -> Iterator[Highlight]:
    if comparison is not None:
        sites = comparison.sites_with(FEDERATED)
        if figure := comparison.figure(FEDERATED, sites):
            interval = comparison.interval(*figure)
            note = between(interval) if interval else "over all test rows"
            yield Highlight(f"federated {comparison.metric}", number(figure[0]), note)
        both = comparison.sites_with(FEDERATED, OWN)
        if change := comparison.difference(FEDERATED, OWN, both):
            note = between(change.interval, sign=True) if change.interval else "no interval"
            yield Highlight("against own models", signed(change.value), note)
        return
    for metric, lines in list(record.series.items())[:1]:
        where = ALL_SITES if ALL_SITES in lines else SERVER
        if points := lines.get(where):
            first, last = points[min(points)], points[max(points)]
            what = f"{metric} in training" if record.trained else metric
            what = f"{metric}, server" if where == SERVER else what
            yield Highlight(what, number(last), f"{signed(last - first)} since the start")


def facts(record: Record, results: Results | None) -> Pairs:
    """When and how the run went."""
    began, ended = str(record.about.get("time", "")), str(record.ended.get("time", ""))
    pairs = [
        ("started", _moment(began)),
        ("ended", _moment(ended)),
        ("engine", str(record.about.get("engine", ""))),
        ("resumed", count(record.resumed, "time") if record.resumed else ""),
    ]
    if results:
        pairs += [(f"seconds of the {phase}", f"{s:g}") for phase, s in results.seconds.items()]
    return [(name, value) for name, value in pairs if value]


def configuration(record: Record, config: Mapping[str, Any]) -> Pairs:
    """The run's settings, parameters and versions."""
    pairs: Pairs = []
    given = {key: value for key, value in config.items() if _is_shown(key, config)}
    if given:
        # What a round needs, where the configuration may leave it open.
        given["min-sites"] = record.about.get("min_sites", given.get("min-sites"))
    about = {key: record.about[key] for key in ("strategy", "rounds", "seed", "min_sites")
             if key in record.about}  # fmt: skip
    pairs += [(key.replace("-", " "), _plain(value)) for key, value in (given or about).items()]
    pairs = [(key.replace("_", " "), value) for key, value in pairs if value not in ("", "{}")]
    params = record.about.get("params", {})
    pairs += [(f"parameter {name}", json.dumps(value)) for name, value in params.items()]
    versions = record.about.get("versions", {})
    return pairs + [(f"version of {name}", str(value)) for name, value in versions.items()]


def _is_shown(key: str, config: Mapping[str, Any]) -> bool:
    """Whether a setting says something: no folders of this machine, nothing that is not in use."""
    if key in _NOT_SHOWN or key.endswith("dir"):
        return False
    if key == "best-mode":
        return bool(config.get("best-metric"))
    return not (key == "stop-patience" and not config[key])


def digests(record: Record, program: ProgramRecord | None) -> Pairs:
    """What identifies the code that ran."""
    pairs = [("client package", str(record.about.get("digest", "")))]
    if program:
        pairs.append(("server package", program.server_digest))
    return [(name, value) for name, value in pairs if value]


def _plain(value: object) -> str:
    if isinstance(value, float):
        return f"{value:g}"
    return str(value)


def _moment(time: str) -> str:
    """An ISO time in UTC to the second, as a person writes it."""
    return f"{time[:10]} {time[11:19]} UTC" if time else ""
