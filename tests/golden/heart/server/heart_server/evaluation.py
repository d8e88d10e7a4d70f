"""Evaluate one set of weights at every site, without training."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from flwr.app import ArrayRecord
from flwr.serverapp import Grid

from .late import LateReplies
from .letters import config_for, evaluate_letter, set_precision
from .replies import Numbers, plain_means, read_evaluation_reply, weighted_means
from .run_folder import run_name
from .settings import Settings
from .sites import EmitEvent, Sites
from .trip import Patience, ReplyError, Trip


def evaluate_only(
    grid: Grid,
    settings: Settings,
    arrays: ArrayRecord,
    *,
    server_round: int,
    poll_seconds: float | None = None,
) -> dict[str, Numbers]:
    """Return every site's metrics of ``arrays``, outside of a run; sites that fail are left out.

    What a site keeps to itself is what it had in the run in ``settings.run_dir``. Raises
    TooFewSites.
    """
    poll = settings.poll_seconds if poll_seconds is None else poll_seconds
    sites = Sites(grid, settings, _quiet, poll)
    sites.gather()
    return evaluate_at_sites(
        grid,
        settings,
        sites,
        arrays,
        run=run_name(Path(settings.run_dir)) if settings.run_dir else "",
        server_round=server_round,
        emit=_quiet,
        poll=poll,
        final=False,
    )


def evaluate_at_sites(
    grid: Grid,
    settings: Settings,
    sites: Sites,
    arrays: ArrayRecord,
    *,
    run: str,
    server_round: int,
    emit: EmitEvent,
    poll: float,
    final: bool,
) -> dict[str, Numbers]:
    """Ask the sites that are there now; return their numbers in order of their names."""
    config = config_for(settings, server_round, run=run, evaluate=True, final=final)
    letters = {
        site: evaluate_letter(arrays, config, node) for site, node in sites.present().items()
    }
    set_precision(letters.values(), settings)
    numbers: dict[str, Numbers] = {}
    # A site that leaves now is not waited for: the model is whole without.
    patience = Patience(settings.round_timeout, away=0.0, poll=poll)
    late = LateReplies(grid, emit)
    trip = Trip(grid, sites, letters, patience, server_round=server_round, late=late)
    for answer in trip.answers():
        try:
            numbers[answer.site] = read_evaluation_reply(answer.read().content)
        except ReplyError as error:
            emit("site-failed", round=server_round, site=answer.site, reason=str(error))
    return dict(sorted(numbers.items()))


def emit_evaluated(emit: EmitEvent, of_round: int, numbers: Mapping[str, Numbers]) -> None:
    """Tell the metrics of the weights after round ``of_round`` (0 for the initial ones)."""
    emit(
        "evaluated",
        round=of_round,
        sites={
            site: {"examples": given.examples, "metrics": given.metrics}
            for site, given in numbers.items()
        },
        weighted=weighted_means(numbers),
        unweighted=plain_means(numbers),
    )


def _quiet(_name: str, **_fields: object) -> None:
    """Take an event and tell nobody."""
