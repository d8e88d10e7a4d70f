"""The site's gate: what its policy lets be done, and the last look at what leaves."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from flwr.app import ConfigRecord, Error, Message, MetricRecord, RecordDict

from .approval import installed_digest
from .audit import AUDIT_FILE, HEAD_FILE, AuditLog, read_chain
from .egress import EXAMPLES
from .exits import SiteError
from .failure_codes import Failure
from .failures import Refusal
from .leaving import EVALUATE, QUERY, TRAIN, Leaving, inspected, size_of
from .policy import Policy, not_allowed
from .stages import EVALUATE_METRICS, MODEL_SIZES, TRAIN_METRICS

_log = logging.getLogger(__package__)


class Gate:
    """Stands between the server's messages and the code that answers them.

    ``log`` is None where nothing leaves: a rehearsal. ``rounds`` were trained under the approval
    that counts.
    """

    def __init__(self, policy: Policy, log: AuditLog | None = None, rounds: int = 0) -> None:
        self._policy = policy
        self._log = log
        self._rounds = rounds
        self.left: Leaving | None = None

    def answer(self, message: Message, work: Callable[[], Message]) -> Message:
        """Return what ``work`` answers ``message`` with, or an error in its place.

        Raises NotLogged where the log cannot be written: then nothing of the answer may leave.
        """
        kind = message.metadata.message_type
        try:
            self._before(message)
        except Refusal as refusal:
            return self._refused(message, refusal, "policy")
        # The work lets go of the weights as soon as the model has them.
        bytes_in = size_of(message.content) if message.has_content() else 0
        reply = work()
        if reply.has_error():
            self._record("failed", message, code=reply.error.code, reason=reply.error.reason)
            return reply
        try:
            self.left = self._after(message, reply)
        except Refusal as refusal:
            return self._refused(message, refusal, "not-sent")
        self._rounds += kind == TRAIN
        self._record(
            "answered",
            message,
            bytes_in=bytes_in,
            bytes_out=size_of(reply.content),
            left=self.left.as_json(),
        )
        return reply

    def _before(self, message: Message) -> None:
        kind, policy = message.metadata.message_type, self._policy
        # Who this site is may be asked at any time; what is in its data may not.
        if kind == QUERY and not message.content.config_records["config"].get("sizes"):
            return
        if policy.closed(datetime.now().astimezone()):
            raise Refusal("the policy of this site: not at this time of day")
        if kind == TRAIN and policy.most_rounds and self._rounds >= policy.most_rounds:
            _log.info(
                "policy.most_rounds is %d, and %d were trained since the approval: to go on, "
                "`approve` again",
                policy.most_rounds,
                self._rounds,
            )
            raise Refusal("the policy of this site: no more rounds")

    def _after(self, message: Message, reply: Message) -> Leaving:
        kind = message.metadata.message_type
        declared = {"metrics": TRAIN_METRICS, "evaluation": EVALUATE_METRICS}
        if kind == EVALUATE:
            declared = {"metrics": EVALUATE_METRICS}
        if kind == QUERY:
            return inspected(message, reply, {"sizes": MODEL_SIZES})
        for name in declared:
            self._withhold(name, reply.content)
        leaving = inspected(message, reply, declared)
        for name in declared:
            examples = leaving.numbers.get(name, {}).get(EXAMPLES, self._policy.least_examples)
            if examples < self._policy.least_examples:
                least = self._policy.least_examples
                _log.info("policy.least_examples is %d, and %s has %d", least, name, examples)
                raise Refusal("the policy of this site: too few examples")
        return leaving

    def _withhold(self, name: str, content: RecordDict) -> None:
        """Take out of a record the metrics that this site keeps to itself."""
        record = content.metric_records.get(name)
        if record is None:
            return
        kept = not_allowed([metric for metric in record if metric != EXAMPLES], self._policy)
        if kept:
            allowed = {metric: value for metric, value in record.items() if metric not in kept}
            content[name] = MetricRecord(allowed)
            _log.info("kept here, as the policy says: %s", ", ".join(kept))

    def _refused(self, message: Message, refusal: Refusal, event: str) -> Message:
        self._record(event, message, reason=str(refusal))
        _log.error("%s", refusal)
        return Message(Error(int(Failure.REFUSED), str(refusal)), reply_to=message)

    def _record(self, event: str, message: Message, **details: object) -> None:
        if self._log is None:
            return
        config = message.content.config_records.get("config") or ConfigRecord()
        self._log.record(
            event,
            message=message.metadata.message_type,
            run=str(message.metadata.run_id),
            round=config.get("server-round"),
            **details,
        )


def rounds_so_far(state: Path) -> int:
    """Count the rounds that were trained here since the installed package was approved last.

    Raises SiteError where the log does not tell, because somebody changed it.
    """
    chain, rounds, digest = read_chain(state), 0, installed_digest()
    if chain.broken:
        raise SiteError(
            f"the audit log is not to be trusted, its line {chain.broken} {chain.reason}: find out "
            f"why, and move {AUDIT_FILE} and {HEAD_FILE} in {state} elsewhere"
        )
    for entry in chain.entries:
        if entry["event"] == "approved" and entry.get("digest") == digest:
            rounds = 0
        rounds += entry["event"] == "answered" and entry.get("message") == TRAIN
    return rounds
