"""A run on a terminal: one display that is drawn over itself, at most four times a second."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Collection, Mapping
from datetime import UTC, datetime

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from nbfed.progress.display import (
    Event,
    baseline_name,
    change,
    duration,
    figure,
    figures,
    since,
    size,
)
from nbfed.progress.view import RunView, SiteView

_STYLES = {
    "away": "yellow",
    "done": "green",
    "ready": "green",
    "training": "cyan",
    "waiting": "dim",
}
_BAR_WIDTH = 32
_BASELINES_SHOWN = 2
_CALM = ("done", "ready", "training")
# A picture that is higher than the terminal would lose its end, where the figures are.
_OTHER_LINES = 7
_FEWEST_SITES = 3
_TENTHS = 10


class LiveDisplay:
    """Rounds, sites and metrics, redrawn in place."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._view = RunView()
        self._baselines: dict[str, RunView] = {}
        # Live draws from a thread of its own.
        self._lock = threading.Lock()
        self._live = Live(console=console, refresh_per_second=4, get_renderable=self._render)
        self._started = False

    def show(self, event: Event, baseline: str) -> None:
        """Take the event in; the next redraw shows it."""
        with self._lock:
            view = self._baselines.setdefault(baseline, RunView()) if baseline else self._view
            view.apply(event)
        if not self._started:
            self._live.start()
            self._started = True

    def close(self) -> None:
        """Leave the last picture on the screen."""
        if self._started:
            self._live.stop()

    def _render(self) -> RenderableType:
        with self._lock:
            most = max(_FEWEST_SITES, self._console.height - _OTHER_LINES)
            return render(self._view, self._baselines, now=datetime.now(UTC), most=most)


def render(
    view: RunView, baselines: dict[str, RunView], *, now: datetime, most: int = _FEWEST_SITES
) -> RenderableType:
    """The picture of a run at a moment, with at most so many sites one by one."""
    parts: list[RenderableType] = [_heading(view), _rounds(view, now), _sites(view, now, most)]
    if view.metrics:
        label = "all sites, weighted" if view.evaluates else "training, all sites"
        parts.append(Text(f"{label}: {figures(view.metrics, view.before)}", style="bold"))
    if view.server_metrics:
        shown = figures(view.server_metrics, view.server_before)
        parts.append(Text(f"the server's own data: {shown}", style="bold"))
    if note := _note(view, baselines):
        parts.append(note)
    return Group(*parts)


def _heading(view: RunView) -> Text:
    text = Text(view.name or "starting", style="bold")
    if view.strategy:
        text.append(f"  {view.strategy}, seed {view.seed}", style="dim")
    return text


def _rounds(view: RunView, now: datetime) -> Table:
    grid = Table.grid(padding=(0, 1))
    bar = ProgressBar(total=max(view.rounds, 1), completed=view.done, width=_BAR_WIDTH)
    told = [_spent(view, now)]
    if not view.outcome and view.seconds_left is not None:
        told.append(f"about {duration(view.seconds_left)} left")
    if view.bytes_moved:
        told.append(f"{size(view.bytes_moved)} moved")
    times = Text(", ".join(each for each in told if each), "dim")
    grid.add_row(f"round {max(view.round, view.done)}/{view.rounds}", bar, times)
    return grid


def _spent(view: RunView, now: datetime) -> str:
    if view.outcome:
        return duration(view.seconds)
    if not view.started:
        return ""
    seconds = (now - datetime.fromisoformat(view.started)).total_seconds()
    # Tenths of it would tick.
    return duration(seconds) if seconds >= _TENTHS else f"{seconds:.0f} s"


def _sites(view: RunView, now: datetime, most: int) -> Table:
    name = next(iter(view.metrics), "")
    table = Table(box=None, pad_edge=False, header_style="dim")
    table.add_column("site")
    table.add_column("state")
    for heading in ("last seen", "rows", "train s", name, "change" if name else ""):
        table.add_column(heading, justify="right")
    shown = _shown(view.sites, most)
    for site in shown:
        seen = view.sites[site]
        last = since(seen.last_seen, now) if not view.outcome else ""
        table.add_row(site, _state(seen), last, *_numbers(seen, name))
    rest = Counter(
        seen.state.partition(":")[0] for site, seen in view.sites.items() if site not in shown
    )
    if rest:
        states = ", ".join(f"{times} {state}" for state, times in rest.most_common())
        table.add_row(f"and {rest.total()} more", Text(states, "dim"))
    return table


def _shown(sites: Mapping[str, SiteView], most: int) -> Collection[str]:
    """The sites to show one by one, in their order; those in trouble come before the others."""
    if len(sites) <= most:
        return sites
    first = set(sorted(sites, key=lambda site: sites[site].state in _CALM)[:most])
    return [site for site in sites if site in first]


def _state(site: SiteView) -> Text:
    return Text(site.state, style=_STYLES.get(site.state, "red"))


def _numbers(site: SiteView, metric: str) -> tuple[str, str, str, str]:
    rows = str(site.examples) if site.examples else ""
    seconds = f"{site.train_seconds:.2f}" if site.examples else ""
    if metric not in site.metrics:
        return rows, seconds, "", ""
    value = site.metrics[metric]
    return rows, seconds, figure(value), change(value, site.before.get(metric))


def _note(view: RunView, baselines: dict[str, RunView]) -> Text | None:
    if view.note:
        return Text(view.note, style="yellow")
    if view.outcome and view.outcome != "finished":
        style = "yellow" if view.outcome == "stopped early" else "red"
        return Text(f"{view.outcome}: {view.reason}", style=style)
    if baselines:
        return Text(_baselines(baselines), style="dim")
    return None


def _baselines(baselines: dict[str, RunView]) -> str:
    running = [
        f"{baseline_name(name)} {each.done}/{each.rounds}"
        for name, each in baselines.items()
        if not each.outcome
    ]
    shown = [f"{len(baselines) - len(running)} done", *running[:_BASELINES_SHOWN]]
    return f"baselines: {', '.join(shown)}"
