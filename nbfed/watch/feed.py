"""What the page shows at this moment: parts of HTML, made anew where the run has gone on."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from markupsafe import Markup

from nbfed.progress.display import baseline_name, change, count, duration, figure, size
from nbfed.progress.follower import Tail
from nbfed.progress.lines import line_of
from nbfed.progress.view import RunView
from nbfed.report.facts import Highlight
from nbfed.report.page import environment, read_material, render_report
from nbfed.report.record import Event, record
from nbfed.report.run_figures import curves, participation
from nbfed.runs import BASELINES, EVENTS, seed_runs

_LINES_SHOWN = 12
_METRICS_SHOWN = 2
_DRAWN = ("evaluated", "server-evaluated", "round-finished", "run-finished", "run-resumed")


class Feed:
    """Follows a run's events, and those of its baselines. One thread at a time may use it.

    Of a folder of several seeds, it follows the one that was begun last. ``parts`` holds the
    page's parts by the ids of their elements, ``version`` counts up as they change.
    """

    def __init__(self, run: Path) -> None:
        self._run = run
        self._lock = threading.Lock()
        self._templates = environment()
        self._live = self._templates.get_template("live.html.jinja").module
        self.version = 0
        self._follow(self._newest())
        self._render()

    @property
    def ended(self) -> str:
        """How the run ended; "" while it goes on."""
        return self._view.outcome if self._folder == self._newest() else ""

    def refresh(self) -> bool:
        """Take in what was written since; say whether there is anything new to show."""
        with self._lock:
            newest = self._newest()
            if newest != self._folder:
                self._follow(newest)
            elif not self._take():
                return False
            self._render()
            return True

    def page(self) -> str:
        """The whole page as it is now."""
        with self._lock:
            return self._templates.get_template("watch.html.jinja").render(
                name=self._view.name or "a run", parts=self.parts, folder=self._folder.name
            )

    def report(self) -> str:
        """The report of the run as far as it came."""
        with self._lock:
            return render_report(read_material(self._run))

    def _newest(self) -> Path:
        if (self._run / EVENTS).is_file():
            return self._run
        seeds = seed_runs(self._run)
        return max(seeds, key=lambda seed: (seed / EVENTS).stat().st_mtime_ns, default=self._run)

    def _follow(self, folder: Path) -> None:
        self._folder = folder
        self._tails = {"": Tail(folder / EVENTS)}
        self._events: list[Event] = []
        self._lines: list[tuple[str, str]] = []
        self._view = RunView()
        self._baselines: dict[str, RunView] = {}
        self._redraw = True
        self._take()

    def _take(self) -> bool:
        """Read on; say whether there was anything.

        Curves and blocks are drawn anew only where a round or an evaluation ended: with many sites
        that is work, and theirs are the cores.
        """
        for folder in sorted((self._folder / BASELINES).glob("*")):
            self._tails.setdefault(folder.name, Tail(folder / EVENTS))
        found = [(event, name) for name, tail in self._tails.items() for event in tail.events()]
        for event, baseline in found:
            view = self._baselines.setdefault(baseline, RunView()) if baseline else self._view
            line = line_of(view, event, baseline)
            if not baseline:
                self._events.append(event)
                self._redraw = self._redraw or event["event"] in _DRAWN
            if line:
                self._lines.append((str(event.get("time", "")), line))
        return bool(found)

    def _render(self) -> None:
        view = self._view
        if self._redraw:
            self._drawn, self._redraw = self._figures(), False
        self.parts: Mapping[str, str] = {
            **self._drawn,
            "head": self._part("head", view),
            "now": self._part("now", view, _highlights(view), _running(self._baselines)),
            "sites": self._part("sites", _site_rows(view), next(iter(view.metrics), "")),
            "log": self._part("log", sorted(self._lines, reverse=True, key=_time)[:_LINES_SHOWN]),
        }
        self.version += 1

    def _figures(self) -> Mapping[str, str]:
        told = record(self._events)
        drawn = [curves(told, metric, f"curve{at}") for at, metric in enumerate(told.series)]
        grid = participation(told, "grid")
        return {
            "curves": self._part("figures", [each for each in drawn if each]),
            "grid": self._part("figures", [grid] if grid else []),
        }

    def _part(self, name: str, *values: object) -> Markup:
        """One of the template's parts; values that it holds are escaped."""
        made = getattr(self._live, name)(*values)
        assert isinstance(made, Markup)  # else the page would escape it once more
        return made


def _time(line: tuple[str, str]) -> str:
    return line[0]


def _highlights(view: RunView) -> list[Highlight]:
    found = [
        Highlight(f"{name}, all sites", figure(value), change(value, view.before.get(name)))
        for name, value in list(view.metrics.items())[:_METRICS_SHOWN]
    ]
    found += [
        Highlight(f"{name}, server", figure(value), change(value, view.server_before.get(name)))
        for name, value in list(view.server_metrics.items())[:_METRICS_SHOWN]
    ]
    found.append(Highlight("round", f"{max(view.round, view.done)} of {view.rounds}"))
    spent = duration(sum(view.round_seconds))
    if view.outcome:
        found.append(Highlight("rounds took", spent))
    elif view.seconds_left is not None:
        found.append(
            Highlight("time left", f"about {duration(view.seconds_left)}", f"{spent} so far")
        )
    if view.bytes_moved:
        found.append(Highlight("moved", size(view.bytes_moved), "both ways"))
    return found


def _site_rows(view: RunView) -> list[dict[str, Any]]:
    name = next(iter(view.metrics), "")
    return [
        {
            "name": site,
            "state": seen.state,
            "last_seen": seen.last_seen,
            "rows": seen.examples or "",
            "seconds": f"{seen.train_seconds:.2f}" if seen.examples else "",
            "figure": figure(seen.metrics[name]) if name in seen.metrics else "",
            "change": change(seen.metrics.get(name), seen.before.get(name)),
        }
        for site, seen in view.sites.items()
    ]


def _running(baselines: Mapping[str, RunView]) -> str:
    if not baselines:
        return ""
    done = sum(bool(each.outcome) for each in baselines.values())
    running = [
        f"{baseline_name(name)}, {each.done} of {count(each.rounds, 'round')}"
        for name, each in baselines.items()
        if not each.outcome
    ]
    return "; ".join([f"{done} of {len(baselines)} done", *running])
