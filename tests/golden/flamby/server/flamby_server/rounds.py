"""The federation's rounds: who takes part, what is sent, what is averaged, when it ends.

The loop is bounded everywhere: sites have a deadline to join, every trip has one to come back,
and a round counts if at least as many sites as needed replied with weights that can be used.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from flwr.app import ArrayRecord, Message
from flwr.app.exception import AppExitException
from flwr.serverapp import Grid
from flwr.serverapp.strategy import Strategy

from .buffers import optimizes, with_means
from .evaluation import emit_evaluated, evaluate_at_sites
from .exchange import ExchangeError, not_finite, restore_dtypes
from .initial import initial_weights
from .letters import bytes_of, config_for
from .replies import TrainReply, for_strategy, read_train_reply, weighted_means
from .run_folder import Listener, RunFolder, versions
from .settings import CLIENT_DIGEST, HAS_EVALUATE, NAME, Settings
from .site_view import EndlessWait, SiteView, sampling
from .sites import SiteOf, Sites, TooFewSites
from .strategies import make_strategy
from .trip import ReplyError, send_and_gather


@dataclass(frozen=True)
class Outcome:
    """How a run ended, "finished" or "aborted", with the reason and the last whole weights."""

    outcome: str
    rounds_done: int
    seconds: float
    reason: str
    arrays: ArrayRecord
    folder: Path


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
) -> Outcome:
    """Run all rounds on ``grid`` and keep what happens in the run's folder.

    ``initial`` and ``strategy`` are made from the settings if they are not given. ``listener`` is
    called with each event. ``site_of`` names the site that a node's key belongs to, where sites
    have keys. Raises SettingsError before the first event; an interrupt ends the
    run as "stopped" and is raised again.
    """
    if strategy is None:
        sites = len(settings.sites)
        strategy = make_strategy(settings.strategy, settings.strategy_options, sites)
    buffers: Collection[str] = ()
    if initial is None:
        initial, buffers = initial_weights(settings)
    elif optimizes(strategy):
        buffers = initial_weights(settings).buffers
    folder = RunFolder(settings.run_dir, keep=settings.keep_checkpoints, listener=listener)
    poll = settings.poll_seconds if poll_seconds is None else poll_seconds
    rounds = _Rounds(grid, settings, strategy, initial, buffers, folder, poll, site_of)
    start = time.monotonic()
    ended, reason = "aborted", ""
    try:
        rounds.run()
        ended = "finished"
    except (Aborted, TooFewSites, EndlessWait, OSError) as error:
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
            rounds.arrays if rounds.done else None,
            outcome=ended,
            rounds_done=rounds.done,
            seconds=round(seconds, 3),
            reason=reason,
        )
    return Outcome(ended, rounds.done, seconds, reason, rounds.arrays, folder.path)


class _Rounds:
    """The state of a run: the weights after ``done`` rounds, the sites, the strategy."""

    def __init__(
        self,
        grid: Grid,
        settings: Settings,
        strategy: Strategy,
        arrays: ArrayRecord,
        buffers: Collection[str],
        folder: RunFolder,
        poll: float,
        site_of: SiteOf | None,
    ) -> None:
        self._grid = grid
        self._settings = settings
        self._strategy = strategy
        self._folder = folder
        self._poll = poll
        self._emit = folder.event
        self._sites = Sites(grid, settings, folder.event, poll, site_of)
        self.arrays = arrays
        self._buffers = buffers
        self.done = 0

    def run(self) -> None:
        settings = self._settings
        self._emit(
            "run-started",
            name=NAME,
            engine=settings.engine,
            digest=CLIENT_DIGEST,
            rounds=settings.rounds,
            seed=settings.seed,
            strategy=settings.strategy,
            sites=list(settings.sites),
            min_sites=settings.needed,
            params=settings.params,
            versions=versions(),
        )
        for number in range(1, settings.rounds + 1):
            self._round(number)
        if HAS_EVALUATE:
            self._evaluate_final()

    def _round(self, number: int) -> None:
        letters = self._letters(number)
        # The wait for sites is not the round's.
        start = time.monotonic()
        self._emit("round-started", round=number, sites=list(letters))
        replies = self._train(number, letters)
        missing = [site for site in letters if site not in replies]
        # A strategy may train a sample of the sites: then the sample is what is needed.
        if len(replies) < min(self._settings.needed, len(letters)):
            raise Aborted(
                f"round {number}: {len(replies)} of {len(letters)} sites sent weights that can be "
                f"used, {self._settings.needed} are needed; without: {', '.join(missing)}"
            )
        evaluations = {site: r.evaluation for site, (r, _) in replies.items() if r.evaluation}
        if evaluations:
            emit_evaluated(self._emit, number - 1, evaluations)
        self.arrays = self._aggregate(number, replies)
        self.done = number
        self._emit(
            "round-finished",
            round=number,
            seconds=round(time.monotonic() - start, 3),
            sites=list(replies),
            missing=missing,
            train=weighted_means({site: r.train for site, (r, _) in replies.items()}),
        )
        file = self._folder.checkpoint(number, self.arrays)
        self._emit("checkpoint", round=number, file=file)

    def _letters(self, number: int) -> dict[str, Message]:
        """Ask the strategy for this round's messages; return them in order of the sites' names."""
        sites = self._sites.gather()
        every = self._settings.evaluate_every
        evaluate = HAS_EVALUATE and every > 0 and (number - 1) % every == 0
        config = config_for(self._settings, number, run=self._folder.run, evaluate=evaluate)
        view = SiteView(self._grid, sites)
        with sampling(self._strategy, sites, self._settings.seed, "sample", number):
            letters = list(self._strategy.configure_train(number, self.arrays, config, view))
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
        trip = send_and_gather(
            self._grid,
            letters,
            seconds=self._settings.round_timeout,
            poll=self._poll,
            meanwhile=self._sites.look,
        )
        for answer in trip:
            try:
                message = answer.read()
                reply = read_train_reply(message.content, self.arrays, self._strategy)
            except ReplyError as error:
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

    def _aggregate(
        self, number: int, replies: Mapping[str, tuple[TrainReply, Message]]
    ) -> ArrayRecord:
        trained = [reply.train.metrics.keys() for reply, _ in replies.values()]
        shared = [name for name in trained[0] if all(name in names for names in trained)]
        for reply, message in replies.values():
            message.content = for_strategy(reply, shared)
        messages = [message for _, message in replies.values()]
        try:
            made, _ = self._strategy.aggregate_train(number, messages)
            if made is None:
                raise Aborted(
                    f"round {number}: {self._settings.strategy} made no weights of "
                    f"{len(messages)} replies: it needs more sites, or other options"
                )
            if optimizes(self._strategy):
                made = with_means(made, [reply for reply, _ in replies.values()], self._buffers)
            arrays = restore_dtypes(made, self.arrays)
        except (AppExitException, ExchangeError) as error:
            raise Aborted(f"round {number}: {self._settings.strategy}: {error}") from error
        if name := not_finite(arrays):
            raise Aborted(
                f"round {number}: {self._settings.strategy} made weights that are not finite: "
                f"{name!r}"
            )
        return arrays

    def _evaluate_final(self) -> None:
        # Sites that left after the last round are not waited for: the model is whole without.
        self._sites.look(now=True)
        numbers = evaluate_at_sites(
            self._grid,
            self._settings,
            self._sites,
            self.arrays,
            run=self._folder.run,
            server_round=self._settings.rounds,
            emit=self._emit,
            poll=self._poll,
            final=True,
        )
        emit_evaluated(self._emit, self._settings.rounds, numbers)
