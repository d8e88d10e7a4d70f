"""A round without a server: the package's own app, asked by this process, and nothing is sent."""

from __future__ import annotations

import contextlib
import json
import sys
from collections.abc import Iterator, Mapping
from dataclasses import replace
from time import time

from flwr.app import ArrayRecord, ConfigRecord, Context, Message, Metadata, RecordDict

from .client_app import app
from .connections import only_to
from .exits import SiteError
from .gate import Gate
from .leaving import EVALUATE, TRAIN, Leaving
from .own_data import without_server
from .policy import Policy
from .site import Site
from .site_file import Scalar
from .stages import EVALUATES
from .trip import DIGEST

_SERVER, _SITE = 1, 2


class Rehearsal:
    """The rounds of one site by itself, through the same gate as in a run."""

    def __init__(self, node: Mapping[str, Scalar], policy: Policy, *, seed: int) -> None:
        self._node = dict(node)
        self._seed = seed
        # Whoever rehearses does so at any time, and as often as they like.
        self._policy = replace(policy, hours=None, most_rounds=None)
        self._gate = Gate(self._policy)
        self._context = Context(
            run_id=1, node_id=_SITE, node_config=self._node, state=RecordDict(), run_config={}
        )

    def initial(self) -> ArrayRecord:
        """Return fresh weights, as the server would begin with this seed."""
        with self._only_to_own():
            return Site(self._node).initial(without_server(self._seed))

    def train(self, weights: ArrayRecord, number: int) -> tuple[ArrayRecord, Leaving]:
        """Play round ``number``; return the new weights and all that would leave.

        Raises SiteError where the round fails.
        """
        reply, leaving = self._ask(TRAIN, weights, number)
        return reply.content.array_records["arrays"], leaving

    def evaluate(self, weights: ArrayRecord, number: int) -> Leaving | None:
        """Evaluate ``weights``; None where the notebook does not. Raises SiteError."""
        return self._ask(EVALUATE, weights, number)[1] if EVALUATES else None

    def _ask(self, kind: str, weights: ArrayRecord, number: int) -> tuple[Message, Leaving]:
        message = self._letter(kind, weights, number)
        with self._only_to_own():
            reply = self._gate.answer(message, lambda: app(message, self._context))
        if reply.has_error():
            raise SiteError(
                f"the round fails: {reply.error.reason} (the whole trace is in site.log)"
            )
        assert self._gate.left
        return reply, self._gate.left

    def _letter(self, kind: str, weights: ArrayRecord, number: int) -> Message:
        """Return the message that a server would send."""
        config = ConfigRecord(
            {
                "server-round": number,
                "digest": DIGEST,
                "params": json.dumps({}),
                "seed": self._seed,
                "evaluate": True,
            }
        )
        metadata = Metadata(
            run_id=1,
            message_id=f"{number:064x}",
            src_node_id=_SERVER,
            dst_node_id=_SITE,
            reply_to_message_id="",
            group_id="",
            created_at=time(),
            ttl=float(1 << 32),
            message_type=kind,
        )
        content = RecordDict({"arrays": weights, "config": config})
        return Message(content, metadata=metadata)  # type: ignore[call-overload,no-any-return]

    @contextlib.contextmanager
    def _only_to_own(self) -> Iterator[None]:
        """Let the notebook's code reach what the site's policy names, and no server.

        What it prints goes to where the log goes, and not among the results.
        """
        policy, screen = self._policy, contextlib.redirect_stdout(sys.stderr)
        with only_to(policy.connections, unless=policy.downloads), screen:
            yield
