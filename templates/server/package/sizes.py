"""What the model has from the data: asked of a site before the first weights can be made."""

from __future__ import annotations

import json
import time
from dataclasses import replace

from flwr.app import ConfigRecord, Message, MessageType, RecordDict
from flwr.serverapp import Grid

from .defaults import MODEL_SIZES
from .pauses import pause
from .reasons import first_line
from .run_folder import Listener, event_of
from .settings import CLIENT_DIGEST, Settings
from .sites import SiteOf, Sites, TooFewSites


def with_sizes(
    grid: Grid,
    settings: Settings,
    *,
    listener: Listener | None = None,
    site_of: SiteOf | None = None,
) -> Settings:
    """Return the settings with the model's sizes among the parameters, as a site tells them.

    What the parameters have already is not asked for. The sites are asked in the order of their
    names, until one answers; the others find out when the weights come whether theirs are the same.
    ``listener`` is told who is waited for. The run that the sites join begins later.
    Raises TooFewSites where no site answers.
    """
    if all(name in settings.params for name in MODEL_SIZES):
        return settings

    def tell(name: str, /, **fields: object) -> None:
        if listener and name == "waiting":
            listener(event_of("sizes-awaited", fields))

    try:
        sites = Sites(grid, settings, tell, settings.poll_seconds, site_of)
        present = sites.gather()
    except TooFewSites as error:
        raise TooFewSites(f"the model's sizes cannot be asked for: {error}") from error
    reasons = []
    for site, node in present.items():
        told = _ask(grid, settings, node)
        if not isinstance(told, str):
            return replace(settings, params={**told, **settings.params})
        reasons.append(f"{site}: {told}")
    raise TooFewSites(
        f"no site tells the model's sizes ({', '.join(MODEL_SIZES)}): {'; '.join(reasons)}"
    )


def _ask(grid: Grid, settings: Settings, node: int) -> dict[str, object] | str:
    """Return the sizes that a site tells, or the reason why it does not."""
    config = ConfigRecord(
        {
            "digest": CLIENT_DIGEST,
            "sizes": True,
            "params": json.dumps(settings.params, sort_keys=True),
            "seed": settings.seed,
        }
    )
    patience = settings.round_timeout
    question = Message(RecordDict({"config": config}), node, MessageType.QUERY, ttl=patience)
    end = time.monotonic() + patience
    (message_id,) = grid.push_messages([question])
    while time.monotonic() < end:
        for answer in grid.pull_messages([message_id]):
            if answer.has_error():
                return first_line(answer.error.reason)
            return _read(answer)
        pause(grid, settings.poll_seconds)
    return f"no answer within {patience:g} s"


def _read(answer: Message) -> dict[str, object] | str:
    told = answer.content.metric_records.get("sizes")
    sizes: dict[str, object] = {}
    for name in MODEL_SIZES:
        value = told.get(name) if told else None
        if not isinstance(value, int) or value < 1:
            return f"it tells no whole number for {name}"
        sizes[name] = value
    return sizes
