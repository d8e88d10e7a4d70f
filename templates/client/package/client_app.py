"""What this site does on the server's request, and all that it sends back."""

from __future__ import annotations

import platform
from importlib.metadata import version
from time import perf_counter

import torch
from flwr.app import ConfigRecord, Context, Message, MetricRecord, RecordDict
from flwr.clientapp import ClientApp

from . import __version__
from .data import SiteData
from .egress import numbers, parted
from .exchange import arrays_from, not_finite
from .failures import guarded
from .heap import give_back
from .local_state import LocalState
from .local_terms import LocalTerms
from .node_values import node_values, torch_threads
from .randomness import seed_everything
from .site import Site
from .sizes import asked_for_sizes
from .stages import (
    EVALUATE_METRICS,
    EVALUATE_METRICS_GUESSED,
    EVALUATES,
    NOTEBOOK,
    TRAIN_METRICS,
    TRAIN_METRICS_GUESSED,
    evaluated,
    evaluation_examples,
    trained,
    training_examples,
)
from .trip import DIGEST, Trip, check_digest, read_trip

app = ClientApp()

# By name: a simulation has several sites in one process.
sites: dict[str, Site] = {}


def _site(context: Context) -> Site:
    node = node_values(context.node_config)
    name = str(node["site"])
    if name not in sites:
        if threads := torch_threads(node):
            torch.set_num_threads(threads)
        sites[name] = Site(node)
    return sites[name]


@app.query()
@guarded(NOTEBOOK)
def on_query(message: Message, context: Context) -> Message:
    """Tell the server which site this is and what it runs; if it asks, the model's sizes too."""
    check_digest(message)
    site = _site(context)
    about = ConfigRecord(
        {
            "site": site.name,
            "digest": DIGEST,
            "package": __version__,
            "python": platform.python_version(),
            "torch": version("torch"),
            "flwr": version("flwr"),
        }
    )
    reply = RecordDict({"site": about})
    if trip := asked_for_sizes(message):
        reply["sizes"] = MetricRecord({**site.sizes(trip)})
    return Message(reply, reply_to=message)


@app.train()
@guarded(NOTEBOOK)
def on_train(message: Message, context: Context) -> Message:
    """Train from the weights that came; where asked to, evaluate them first. One reply for both."""
    trip, site = read_trip(message), _site(context)
    states = site.states(context, trip)
    local = states.before(trip.round)
    reply = RecordDict()
    timing = MetricRecord()

    start = perf_counter()
    data = site.data(trip)
    timing["load-seconds"] = perf_counter() - start

    if EVALUATES and trip.evaluate:
        start = perf_counter()
        reply["evaluation"] = _evaluate(site, trip, data, local)
        timing["evaluate-seconds"] = perf_counter() - start

    start = perf_counter()
    model, stays = site.model(trip, local.model)
    terms = LocalTerms(
        model,
        trip.arrays,
        term=trip.term,
        proximal=trip.proximal,
        control=trip.control,
        own=local.control,
    )
    # From here on the weights are the model's.
    trip = trip.outlined()
    give_back()
    seed_everything(trip.seed, "train", site.name, trip.round)
    # Whether gradients are computed is not a cell's to leave behind.
    with terms, torch.enable_grad():
        after, metrics, kept = trained(model, data, site.given(trip), local.kept)
    timing["train-seconds"] = perf_counter() - start
    # A round leaves no gradients to the next one, which may take place in another process.
    after.zero_grad(set_to_none=True)
    give_back()

    leaving, staying = parted(arrays_from(after), trip.arrays, stays)
    reply["arrays"] = trip.reply_form(leaving)
    reply["metrics"] = numbers(
        metrics,
        declared=TRAIN_METRICS,
        examples=training_examples(data),
        guessed=TRAIN_METRICS_GUESSED,
    )
    reply["timing"] = timing
    if change := terms.control_change():
        reply["control"] = trip.reply_form(change)
    if terms.counts_steps:
        reply["steps"] = MetricRecord({"local-steps": terms.local_steps})
    if not not_finite(leaving):
        # A round that broke down is not to be felt in the next one.
        states.store(trip.round, LocalState(model=staying, control=terms.new_control(), kept=kept))
    return Message(reply, reply_to=message)


@app.evaluate()
@guarded(NOTEBOOK)
def on_evaluate(message: Message, context: Context) -> Message:
    """Evaluate the weights that came."""
    trip, site = read_trip(message), _site(context)
    start = perf_counter()
    local = site.states(context, trip).before(trip.round + 1)
    metrics = _evaluate(site, trip, site.data(trip), local)
    timing = MetricRecord({"evaluate-seconds": perf_counter() - start})
    return Message(RecordDict({"metrics": metrics, "timing": timing}), reply_to=message)


def _evaluate(site: Site, trip: Trip, data: SiteData, local: LocalState) -> MetricRecord:
    model, _ = site.model(trip, local.model)
    seed_everything(trip.seed, "evaluate", site.name, trip.round)
    with torch.enable_grad():
        metrics = evaluated(model, data, site.given(trip))
    return numbers(
        metrics,
        declared=EVALUATE_METRICS,
        examples=evaluation_examples(data),
        guessed=EVALUATE_METRICS_GUESSED,
    )
