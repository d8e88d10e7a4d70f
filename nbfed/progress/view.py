"""What is known of a run at this moment, from its events so far."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from nbfed.progress.display import Event, ago

Metrics = Mapping[str, float | None]

_ROUNDS_IN_MEAN = 5
_NAMES_SHOWN = 8


@dataclass
class SiteView:
    """One site: its state, and its figures of the round that it last answered."""

    state: str = "waiting"
    examples: int = 0
    seconds: float = 0.0
    train_seconds: float = 0.0
    last_seen: str = ""
    metrics: Metrics = field(default_factory=dict)
    before: Metrics = field(default_factory=dict)


@dataclass
class RunView:
    """A run as its events tell it. ``metrics`` are means weighted by the sites' examples.

    ``metrics`` are those of the global weights on the sites' test data, or of the training
    where the sites evaluate nothing; ``before`` are the last ones before them. The server's own
    evaluation, if there is one, gives ``server_metrics`` and ``server_before``.
    """

    name: str = ""
    strategy: str = ""
    seed: int | None = None
    started: str = ""
    rounds: int = 0
    round: int = 0
    done: int = 0
    sites: dict[str, SiteView] = field(default_factory=dict)
    metrics: Metrics = field(default_factory=dict)
    before: Metrics = field(default_factory=dict)
    evaluates: bool = False
    server_metrics: Metrics = field(default_factory=dict)
    server_before: Metrics = field(default_factory=dict)
    round_seconds: list[float] = field(default_factory=list)
    bytes_moved: int = 0
    missing: dict[str, float | None] = field(default_factory=dict)
    note: str = ""
    outcome: str = ""
    reason: str = ""
    seconds: float = 0.0

    @property
    def seconds_left(self) -> float | None:
        """An estimate from the last rounds; None before the first one is done, and in a wait.

        The first rounds are no guide: in them, sites load their data.
        """
        if not self.round_seconds or self.note:
            return None
        last = self.round_seconds[-_ROUNDS_IN_MEAN:]
        return sum(last) / len(last) * (self.rounds - self.done)

    def apply(self, event: Event) -> None:
        """Take one event in; those of unknown names change nothing."""
        if handler := _HANDLERS.get(str(event.get("event"))):
            handler(self, event)

    def _site(self, event: Event, state: str) -> SiteView:
        site = self.sites.setdefault(str(event["site"]), SiteView())
        site.state = state
        site.last_seen = str(event.get("time", ""))
        return site

    def _run_started(self, event: Event) -> None:
        self.name, self.strategy = event["name"], event["strategy"]
        self.seed, self.rounds = event["seed"], event["rounds"]
        self.started = str(event.get("time", ""))
        self.sites = {site: self.sites.get(site, SiteView()) for site in event["sites"]}

    def _run_resumed(self, event: Event) -> None:
        self._run_started(event)
        self.round = self.done = event["rounds_done"]
        self.outcome = self.reason = ""

    def _waiting(self, event: Event) -> None:
        seen = event.get("last_seen", {})
        self.missing = {site: seen.get(site) for site in event["missing"]}
        self._set_note()

    def _set_note(self) -> None:
        names = [
            f"{site}, last seen {ago(seconds)} ago" if seconds is not None else site
            for site, seconds in list(self.missing.items())[:_NAMES_SHOWN]
        ]
        if len(self.missing) > _NAMES_SHOWN:
            names.append(f"{len(self.missing) - _NAMES_SHOWN} more")
        # Names with a time have commas of their own.
        between = "; " if any(each is not None for each in self.missing.values()) else ", "
        self.note = f"waiting for {between.join(names) or 'sites'}"

    def _site_joined(self, event: Event) -> None:
        self._site(event, "ready")
        if event["site"] in self.missing:
            del self.missing[event["site"]]
            self._set_note()
            self.note = self.note if self.missing else ""

    def _site_lost(self, event: Event) -> None:
        self._site(event, "away")

    def _site_refused(self, event: Event) -> None:
        self._site(event, f"refused: {event['reason']}")

    def _round_started(self, event: Event) -> None:
        self.round, self.note, self.missing = event["round"], "", {}
        for name in event["sites"]:
            self.sites.setdefault(name, SiteView()).state = "training"

    def _site_replied(self, event: Event) -> None:
        site = self._site(event, "done")
        site.examples, site.train_seconds = event["examples"], event["train_seconds"]
        site.seconds = event["seconds"]
        self.bytes_moved += event.get("bytes_in", 0) + event.get("bytes_out", 0)
        if not self.evaluates:
            site.before, site.metrics = site.metrics, event["train"]

    def _site_failed(self, event: Event) -> None:
        self._site(event, f"failed: {event['reason']}")

    def _round_finished(self, event: Event) -> None:
        self.done = event["round"]
        self.round_seconds.append(event["seconds"])
        if not self.evaluates:
            self.before, self.metrics = self.metrics, event["train"]

    def _evaluated(self, event: Event) -> None:
        if not self.evaluates:  # what was shown until now were figures of the training
            self.metrics = {}
            for each in self.sites.values():
                each.metrics = {}
        self.evaluates = True
        self.before, self.metrics = self.metrics, event["weighted"]
        for name, found in event["sites"].items():
            site = self.sites.setdefault(name, SiteView())
            site.before, site.metrics = site.metrics, found["metrics"]

    def _server_evaluated(self, event: Event) -> None:
        self.server_before, self.server_metrics = self.server_metrics, event["metrics"]

    def _run_finished(self, event: Event) -> None:
        self.outcome, self.reason, self.note = event["outcome"], event.get("reason", ""), ""
        self.seconds = event["seconds"]


_HANDLERS = {
    "run-started": RunView._run_started,
    "run-resumed": RunView._run_resumed,
    "waiting": RunView._waiting,
    "site-joined": RunView._site_joined,
    "site-refused": RunView._site_refused,
    "site-lost": RunView._site_lost,
    "round-started": RunView._round_started,
    "site-replied": RunView._site_replied,
    "site-failed": RunView._site_failed,
    "round-finished": RunView._round_finished,
    "evaluated": RunView._evaluated,
    "server-evaluated": RunView._server_evaluated,
    "run-finished": RunView._run_finished,
}
