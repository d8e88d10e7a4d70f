"""The federation's rounds: who takes part, what is sent, what is averaged, when it ends.

The loop is bounded everywhere: sites have a deadline to join, every trip has one to come back,
and a round counts if at least as many sites as needed replied with weights that can be used.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping

from flwr.app import ArrayRecord, Message
from flwr.serverapp import Grid
from flwr.serverapp.strategy import Strategy

from .aggregation import NoWeights, aggregate
from .buffers import optimizes
from .evaluation import emit_evaluated, evaluate_at_sites
from .heap import give_back
from .initial import initial_weights
from .late import LateReplies
from .letters import bytes_of, config_for, set_precision
from .outcome import Outcome
from .replies import TrainReply, read_train_reply, weighted_means
from .run_folder import Listener, RunFolder, about_run
from .server_metrics import CannotEvaluate, Evaluates, ServerMetrics
from .settings import HAS_EVALUATE, Settings
from .site_view import EndlessWait, SiteView, sampling
from .sites import SiteOf, Sites, TooFewSites
from .standing import Standing, StoppedEarly
from .stopping import NoSuchMetric
from .strategies import make_strategy
from .trip import Patience, ReplyError, Trip


class Aborted(Exception):
    """The run cannot go on; the text is the reason."""


def run_federation(
    grid: Grid,
    settings: Settings,
    *,
    initial: ArrayRecord | None = None,
    strategy: Strategy | None = None,
    poll_seconds: float | None = None,
    listener: Listener | None = None,
    site_of: SiteOf | None = None,
    own: Evaluates | None = None,
) -> Outcome:
    """Run all rounds on ``grid`` and keep what happens in the run's folder.

    ``initial`` and ``strategy`` are made from the settings if they are not given. ``listener`` is
    called with each event. ``site_of`` names the site that a node's key belongs to, where sites
    have keys. ``own`` is the server's own evaluation, if any. Raises SettingsError before the
    first event; an interrupt ends the run as "stopped" and is raised again.
    """
    if strategy is None:
        sites = len(settings.sites)
        strategy = make_strategy(settings.strategy, settings.strategy_options, sites)
    buffers: Collection[str] = ()
    if initial is None:
        initial, buffers = initial_weights(settings)
    elif optimizes(strategy):
        buffers = initial_weights(settings).buffers
    folder = RunFolder(settings, listener=listener)
    poll = settings.poll_seconds if poll_seconds is None else poll_seconds
    standing = Standing(folder, settings, strategy, initial)
    rounds = _Rounds(grid, settings, strategy, buffers, standing, folder, poll, site_of, own)
    # The standing holds the weights: those of the beginning are not kept beside it.
    del initial
    start = time.monotonic()
    ended, reason = "aborted", ""
    try:
        rounds.run()
        ended = "finished"
    except StoppedEarly as stopped:
        ended, reason = "stopped early", str(stopped)
    except (
        Aborted,
        CannotEvaluate,
        TooFewSites,
        EndlessWait,
        NoSuchMetric,
        OSError,
    ) as error:
        # OSError: the SuperLink is gone (ConnectionError), or the disk is full.
        reason = str(error)
    except KeyboardInterrupt:
        ended, reason = "stopped", "interrupted"
        raise
    except BaseException as error:
        reason = f"{type(error).__name__}: {error}"
        raise
    finally:
        seconds = time.monotonic() - start
        folder.finish(
            # Untrained weights are no result; those of a run that broke off are.
            standing.arrays if standing.done else None,
            outcome=ended,
            rounds_done=standing.done,
            seconds=round(seconds, 3),
            reason=reason,
        )
    return Outcome(ended, standing.done, seconds, reason, standing.arrays, folder.path)


class _Rounds:
    """The rounds of one run, with the sites that take part and the strategy."""

    def __init__(
        self,
        grid: Grid,
        settings: Settings,
        strategy: Strategy,
        buffers: Collection[str],
        standing: Standing,
        folder: RunFolder,
        poll: float,
        site_of: SiteOf | None,
        own: Evaluates | None,
    ) -> None:
        self._grid = grid
        self._settings = settings
        self._strategy = strategy
        self._buffers = buffers
        self._standing = standing
        self._poll = poll
        self._run = folder.run
        self._emit = folder.event
        self._sites = Sites(grid, settings, folder.event, poll, site_of)
        self._late = LateReplies(grid, folder.event)
        self._own = ServerMetrics(own, settings, folder.event)

    def run(self) -> None:
        settings, standing = self._settings, self._standing
        about = about_run(settings)
        if settings.resume:
            self._emit("run-resumed", **about, **standing.resumed_from())
        else:
            self._emit("run-started", **about)
        self._evaluate_here()
        for number in range(standing.done + 1, settings.rounds + 1):
            self._round(number)
        if HAS_EVALUATE:
            self._evaluate_final()

    def _round(self, number: int) -> None:
        letters = self._letters(number)
        # The wait for sites is not the round's.
        start = time.monotonic()
        self._emit("round-started", round=number, sites=list(letters))
        absent = set(self._sites.missing())
        replies = self._train(number, letters)
        missing = letters.keys() - replies.keys()
        if len(replies) < self._needed_of(letters):
            raise Aborted(
                f"round {number}: {len(replies)} of {len(letters)} sites sent weights that can be "
                f"used, {self._settings.needed} are needed; without: {', '.join(sorted(missing))}"
            )
        evaluations = {site: r.evaluation for site, (r, _) in replies.items() if r.evaluation}
        if evaluations:
            emit_evaluated(self._emit, number - 1, evaluations)
            self._standing.judge(weighted_means(evaluations))
        train = weighted_means({site: r.train for site, (r, _) in replies.items()})
        like = self._standing.arrays
        try:
            arrays = aggregate(self._strategy, number, replies, like, self._buffers)
        except NoWeights as error:
            raise Aborted(f"round {number}: {self._settings.strategy} {error}") from error
        trained = list(replies)
        # As many models as there are sites: none of them is needed any more.
        replies.clear()
        give_back()
        file = self._standing.keep(number, arrays)
        self._emit(
            "round-finished",
            round=number,
            seconds=round(time.monotonic() - start, 3),
            sites=trained,
            # Whom the strategy did not choose is not missing; who was not there is.
            missing=sorted((missing | absent | set(self._sites.missing())) - set(trained)),
            train=train,
        )
        self._emit("checkpoint", round=number, file=file)
        judged = self._evaluate_here()
        if not (HAS_EVALUATE or judged):
            self._standing.judge(train)

    def _evaluate_here(self) -> bool:
        """Evaluate at the server, if it has data and it is time to; say whether it has any."""
        standing = self._standing
        metrics = self._own.of(standing.arrays, standing.done)
        # Where the sites evaluate too, their metrics count: they are about the hospitals' data.
        if metrics is not None and not HAS_EVALUATE:
            standing.judge(metrics)
        return self._own.there

    def _needed_of(self, letters: Mapping[str, Message]) -> int:
        """Return how many replies make a round: a strategy may train but a sample of the sites."""
        return min(self._settings.needed, len(letters))

    def _letters(self, number: int) -> dict[str, Message]:
        """Ask the strategy for this round's messages; return them in order of the sites' names."""
        sites = self._sites.gather()
        every = self._settings.evaluate_every
        evaluate = HAS_EVALUATE and every > 0 and (number - 1) % every == 0
        config = config_for(self._settings, number, run=self._run, evaluate=evaluate)
        view = SiteView(self._grid, sites)
        arrays = self._standing.arrays
        with sampling(self._strategy, sites, self._settings.seed, "sample", number):
            letters = list(self._strategy.configure_train(number, arrays, config, view))
        set_precision(letters, self._settings)
        site_of = {node: site for site, node in sites.items()}
        by_site = {site_of[letter.metadata.dst_node_id]: letter for letter in letters}
        if not by_site:
            raise Aborted(f"round {number}: the strategy chose no site to train")
        return dict(sorted(by_site.items()))

    def _train(
        self, number: int, letters: Mapping[str, Message]
    ) -> dict[str, tuple[TrainReply, Message]]:
        """Send the round out; return the replies that can be used, in order of site names."""
        replies: dict[str, tuple[TrainReply, Message]] = {}
        failed: set[str] = set()
        settings = self._settings
        patience = Patience(settings.round_timeout, away=settings.join_timeout, poll=self._poll)
        trip = Trip(
            self._grid, self._sites, letters, patience, server_round=number, late=self._late
        )
        needed = self._needed_of(letters)
        for answer in trip.answers(lambda: len(letters) - len(failed) < needed):
            try:
                message = answer.read()
                reply = read_train_reply(message.content, self._standing.arrays, self._strategy)
            except ReplyError as error:
                failed.add(answer.site)
                self._emit("site-failed", round=number, site=answer.site, reason=str(error))
                continue
            replies[answer.site] = (reply, message)
            self._emit(
                "site-replied",
                round=number,
                site=answer.site,
                examples=reply.train.examples,
                seconds=round(answer.seconds, 3),
                train_seconds=reply.timing.get("train_seconds", 0.0),
                evaluate_seconds=reply.timing.get("evaluate_seconds", 0.0),
                train=reply.train.metrics,
                bytes_in=bytes_of(message),
                bytes_out=bytes_of(letters[answer.site]),
            )
        # Sums of floats depend on their order, and replies come in any.
        return dict(sorted(replies.items()))

    def _evaluate_final(self) -> None:
        if self._settings.resume:
            self._sites.gather()
        # Sites that left after the last round are not waited for: the model is whole without.
        self._sites.look(now=True)
        numbers = evaluate_at_sites(
            self._grid,
            self._settings,
            self._sites,
            self._standing.arrays,
            run=self._run,
            server_round=self._settings.rounds,
            emit=self._emit,
            poll=self._poll,
            final=True,
        )
        emit_evaluated(self._emit, self._settings.rounds, numbers)
        if numbers:
            self._standing.judge(weighted_means(numbers))
