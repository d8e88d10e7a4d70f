"""A site's part in a run: pull a message, let the client app answer it, push the reply."""

from __future__ import annotations

import contextlib
import dataclasses
import logging
import os
import time
from collections.abc import Mapping
from pathlib import Path

import torch
from flwr.app import Context, Error, Message, RecordDict

from .admittance import Admittance
from .audit import NotLogged
from .client_app import app
from .exits import Exit, SiteError
from .failure_codes import Failure
from .fleet import Fleet
from .fleet_line import FleetError, RunOver, UnknownHere, Unreachable
from .gate import Gate
from .given import Given
from .heap import give_back, share_heaps
from .overrides import OverrideError
from .own_data import require_contract
from .site_file import Scalar
from .stages import EVALUATES

# Seconds: a round trip starts at most POLL_MOST late, and a waiting site asks 5 times a second.
POLL_FIRST, POLL_MOST, POLL_GROWTH = 0.02, 0.2, 1.5
RUN_CHECK = 1.0
# A reply of a node that has signed off is not delivered, so the last one gets time to arrive.
LAST_WORDS = 1.0

# What the server calls a run that did what it was to do.
_GOOD_ENDS = ("finished", "stopped early")

_OUTPUTS = ("OUT", "SAVE", "LOG", "CACHE", "CHECKPOINT", "RESULT", "TMP", "TEMP")

_log = logging.getLogger(__package__)


def take_part(
    node: Mapping[str, Scalar],
    *,
    address: str,
    ca: Path | None,
    admittance: Admittance,
    gate: Gate,
    threads: int | None,
    patience: float,
    stay: bool,
    source: str,
    contract: Path | None,
) -> None:
    """Answer the server's messages until the run has ended; ``source`` is where ``node`` is from.

    Raises SiteError.
    """
    share_heaps(own_pages=False)
    torch.set_num_threads(threads or os.cpu_count() or 1)
    check_settings(node, source)
    if contract:
        require_contract(contract, node)
    with Fleet(address, ca, admittance, patience=patience) as fleet:
        try:
            _Part(fleet, gate, node, source).play(stay=stay)
        except FleetError as error:
            raise SiteError(str(error), Exit.NO_SERVER) from error


class _Part:
    """One site's state between two messages."""

    def __init__(self, fleet: Fleet, gate: Gate, node: Mapping[str, Scalar], source: str) -> None:
        self._fleet = fleet
        self._gate = gate
        self._source = source
        self._node = dict(node)
        self._patience = fleet.patience
        self._context: Context | None = None
        self._last = False
        self._ended = ""

    def play(self, *, stay: bool) -> None:
        self._fleet.join()
        while True:
            _log.info("connected to %s, waiting for the run", self._fleet.address)
            joined = True
            try:
                self._run()
            except RunOver:
                over = True
            except UnknownHere:
                # The server was started anew. Its run is gone, unless it was done with us.
                joined, over = False, self._last
            except Unreachable:
                if not self._last:
                    raise
                # The server has all that it asked for, and is gone: that is how a run ends.
                joined, over = False, True
            broke_off = self._broke_off() if over else ""
            self._context, self._last, self._ended = None, False, ""
            self._fleet.patience = self._patience
            if over:
                if broke_off and not stay:
                    raise SiteError(broke_off, Exit.NO_SERVER)
                _log.info(broke_off or "the run has ended")
                if not stay:
                    return
            if not joined:
                self._fleet.join()

    def _broke_off(self) -> str:
        """Say, of a run that is over, how it broke off; "" if it came to its end."""
        if self._ended in _GOOD_ENDS or (self._last and not self._ended):
            return ""
        if self._ended:
            return "the run has ended before its time: the server aborted it"
        return "the run has ended before its time, without a word from the server"

    def _run(self) -> None:
        """Work on one message after the other. Raises RunOver, FleetError or SiteError."""
        wait, checked = POLL_FIRST, time.monotonic()
        while True:
            message = self._fleet.receive()
            if message is not None:
                give_back()
                _log.debug("begins to %s", message.metadata.message_type)
                self._answer(message)
                wait, checked = POLL_FIRST, time.monotonic()
                continue
            if self._context and time.monotonic() - checked >= RUN_CHECK:
                checked = time.monotonic()
                if not self._fleet.is_running(self._context.run_id):
                    raise RunOver
            time.sleep(wait)
            wait = min(wait * POLL_GROWTH, POLL_MOST)

    def _answer(self, message: Message) -> None:
        start = time.perf_counter()
        context = self._context_of(message)
        try:
            reply = self._gate.answer(message, lambda: app(message, context))
        except NotLogged:
            # Fixed words, which hold nothing of the answer: the server shall not wait for that.
            reason = "its audit log cannot be written, and without one nothing leaves it"
            error = Message(Error(int(Failure.NOT_LOGGED), reason), reply_to=message)
            with contextlib.suppress(FleetError, RunOver):
                self._fleet.reply(error, time.perf_counter() - start)
                time.sleep(LAST_WORDS)
            raise
        seconds = time.perf_counter() - start
        self._fleet.reply(reply, seconds)
        give_back()
        if reply.has_error():
            self._stop_if_hopeless(reply.error)
            return
        self._ended = _ending(message)
        if self._ended or _is_last(message):
            self._last = True
            self._fleet.patience = 0
        if not self._ended:
            _tell(message, reply, seconds)

    def _context_of(self, message: Message) -> Context:
        run_id = message.metadata.run_id
        if self._context is None or self._context.run_id != run_id:
            self._context = Context(
                run_id=run_id,
                node_id=message.metadata.dst_node_id,
                node_config=self._node,
                state=RecordDict(),
                run_config={},
            )
        return self._context

    def _stop_if_hopeless(self, error: Error) -> None:
        """Raise SiteError where the next message would fail for the same reason."""
        reasons = {
            Failure.DATA_NOT_LOADED: "the data could not be loaded (see the line above, and the "
            f"trace in site.log): correct the data or {self._source} and start again",
            Failure.OTHER_PACKAGE: f"{error.reason}: install the package that belongs to it, "
            "`review` and `approve` it, and start again",
        }
        for failure, reason in reasons.items():
            if error.code == failure:
                time.sleep(LAST_WORDS)
                raise SiteError(reason)


def _ending(message: Message) -> str:
    """Return how the run has ended, where the message tells that; else ""."""
    config = message.content.config_records.get("config")
    is_word = message.metadata.message_type == "query" and config is not None
    return str(config.get("ended", "")) if is_word and config else ""


def _is_last(message: Message) -> bool:
    """Say whether no other message of this run will follow."""
    config = message.content.config_records["config"]
    if config.get("final"):
        return True
    # Where the notebook does not evaluate, the last round's training is the end.
    trained_last = config.get("server-round") == config.get("final-round")
    return not EVALUATES and message.metadata.message_type == "train" and trained_last


def _tell(message: Message, reply: Message, seconds: float) -> None:
    kind = message.metadata.message_type
    if kind == "query":
        told = "sizes" in reply.content
        _log.info("told the server the model's sizes" if told else "taken in by the server")
        return
    config = message.content.config_records["config"]
    examples = reply.content.metric_records["metrics"]["num-examples"]
    done = {"train": "trained on", "evaluate": "evaluated on"}[kind]
    number = config["server-round"]
    _log.info("round %s: %s %s examples in %.1f s", number, done, examples, seconds)


def check_settings(node: Mapping[str, Scalar], source: str) -> None:
    """Raise SiteError for what can be seen to be wrong before anything is sent."""
    given = Given(node, server={})
    try:
        config, _ = given.config, given.params
    except OverrideError as error:
        raise SiteError(f"{error}: correct {source}") from error
    known = {"site", "state-dir", *(field.name for field in dataclasses.fields(config))}
    for name in node:
        if name not in known and not name.startswith("param."):
            raise SiteError(f"{source} sets {name}, which this package does not have")
    for field in dataclasses.fields(config):
        value = getattr(config, field.name)
        if _is_missing(field.name, value):
            where = "" if Path(value).expanduser().is_absolute() else f" in {Path.cwd()}"
            raise SiteError(f"{field.name}: there is no {value}{where}: correct it in {source}")


def _is_missing(name: str, value: object) -> bool:
    """Say whether ``value`` reads like the path of an input, and nothing is there."""
    if not isinstance(value, str) or "://" in value:
        return False
    looks_like_path = "/" in value or os.sep in value or bool(Path(value).suffix)
    is_output = any(word in name.upper() for word in _OUTPUTS)
    return looks_like_path and not is_output and not Path(value).expanduser().exists()
