"""This site's line to the server: outward HTTPS requests to the one address that it was given.

Only this module, ``fleet_line`` and ``parts`` use what is inside of flwr (the client of its Fleet
API and the way in which it takes messages apart), so flwr's version is bounded in pyproject.toml.
Flower's own connection is not used: it ends the whole process where this one says what is wrong, or
tries again.
"""

from __future__ import annotations

import logging
import threading
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx
from flwr.app import Message
from flwr.app.message import remove_content_from_message
from flwr.common.serde import message_to_proto
from flwr.proto.fleet_pb2 import (
    ActivateNodeRequest,
    DeactivateNodeRequest,
    PullMessagesRequest,
    PushMessagesRequest,
)
from flwr.proto.heartbeat_pb2 import SendNodeHeartbeatRequest
from flwr.proto.message_pb2 import ConfirmMessageReceivedRequest, PullObjectRequest
from flwr.proto.node_pb2 import Node
from flwr.proto.run_pb2 import GetRunRequest
from flwr.supercore.inflatable.inflatable_object import (
    get_object_tree,
    no_object_id_recompute,
)
from flwr.supercore.inflatable.inflatable_protobuf_utils import (
    make_pull_object_fn_protobuf,
    make_push_object_fn_protobuf,
)
from flwr.supercore.inflatable.inflatable_utils import (
    ObjectPullError,
    ObjectPushError,
)
from flwr.supercore.primitives.asymmetric import public_key_to_bytes

from .admittance import Admittance
from .fleet_line import RETRY_MOST, FleetError, Line, RunOver, UnknownHere
from .parts import BrokenMessage, pull_message, push_parts
from .wire import pack

# Seconds. The server takes a site for gone after two intervals without a sign of life.
HEARTBEAT_INTERVAL = 10.0
HEARTBEAT_EVERY = 4.0
SEEN_TO_LEAVE = 1.0
# How often a reply is offered whose parts the server does not take.
OFFERS = 3
_PULL = "PullMessages"

_log = logging.getLogger(__package__)


class Fleet:
    """One connection; a context manager that signs off at its end.

    ``patience`` are the seconds for which a server that does not answer is tried again.
    """

    def __init__(
        self, address: str, ca: Path | None, admittance: Admittance, *, patience: float
    ) -> None:
        self._line = Line(address, ca, admittance, patience=patience)
        self._admittance = admittance
        self._node = Node()
        self._beating = threading.Lock()
        self._pulse = threading.Thread(target=self._heartbeats, daemon=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._line.leaving.set()
        if self._node.node_id:
            self._sign_off(self._node.node_id)
        self._line.close()

    @property
    def address(self) -> str:
        """Where the server is."""
        return self._line.address

    @property
    def patience(self) -> float:
        """Seconds for which a server that does not answer is tried again."""
        return self._line.patience

    @patience.setter
    def patience(self, seconds: float) -> None:
        self._line.patience = seconds

    def join(self) -> None:
        """Be the node of this site's key, as soon as the server lets it in; give signs of life.

        Raises Unreachable or FleetError.
        """
        with self._beating:
            # A sign of life after the sign-off would bring the former node back, and the server
            # lets in no second one.
            self._node = Node()
        self._line.open()
        key = public_key_to_bytes(self._admittance.identity.keys[1])
        request = ActivateNodeRequest(public_key=key, heartbeat_interval=HEARTBEAT_INTERVAL)
        former = self._admittance.former_node()
        if former and self._sign_off(former):
            # Whoever waits for what the former process was to answer shall see that it left.
            self._line.leaving.wait(SEEN_TO_LEAVE)
        self._node = Node(node_id=self._let_in(request).node_id)
        self._admittance.remember(self._node.node_id)
        if not self._pulse.is_alive():
            self._pulse.start()

    def _let_in(self, request: ActivateNodeRequest) -> Any:
        """Ask to be let in, for as long as this site has patience."""
        end, told = time.monotonic() + self.patience, ""
        while True:
            try:
                return self._line.call("ActivateNode", request)
            except UnknownHere as error:
                reason = str(error)
                if self._line.leaving.is_set() or time.monotonic() >= end:
                    raise FleetError(
                        f"{self.address} does not let this site in: {reason}"
                    ) from error
            if reason != told:
                _log.info("%s does not let this site in yet: %s", self.address, reason)
                told = reason
            self._line.leaving.wait(RETRY_MOST)

    def _sign_off(self, node: int) -> bool:
        """Tell the server that this site is gone; say if it knew the node."""
        assert self._line.client is not None
        try:
            self._line.client.DeactivateNode(DeactivateNodeRequest(node_id=node))
        except httpx.TransportError:
            _log.debug("the server is gone already")
            return False
        except httpx.HTTPStatusError:
            self._admittance.forget()
            return False
        self._admittance.forget()
        return True

    def receive(self) -> Message | None:
        """Return the next message, whole, or None. Raises RunOver, UnknownHere, FleetError."""
        response = self._line.call(_PULL, PullMessagesRequest(node=self._node))
        if not response.messages_list:
            if _PULL in self._line.unanswered:
                self._ask_for_all_again("an answer was lost on its way")
            return None
        self._line.unanswered.discard(_PULL)
        run_id = response.messages_list[0].metadata.run_id
        tree = response.message_object_trees[0]

        def pull(request: PullObjectRequest) -> Any:
            return self._line.call("PullObject", request)

        def confirm(object_id: str) -> None:
            request = ConfirmMessageReceivedRequest(
                node=self._node, run_id=run_id, message_object_id=object_id
            )
            self._line.call("ConfirmMessageReceived", request)

        try:
            part = make_pull_object_fn_protobuf(pull, self._node, run_id)
            message = pull_message(tree, part, confirm)
        except (ObjectPullError, BrokenMessage) as error:
            _log.debug("what is missing", exc_info=error)
            self._ask_for_all_again("a message did not arrive whole")
            return None
        # A message's own id is a hash over all the rest of it, so it cannot travel inside.
        message.metadata.__dict__["_message_id"] = tree.object_id
        return message

    def _ask_for_all_again(self, why: str) -> None:
        """Join once more: to a site that was away the server sends what it waits for again.

        It hands out a message once, and would wait for a reply to one that never came here.
        """
        _log.info("%s: joining %s again", why, self.address)
        self.join()

    def reply(self, message: Message, seconds: float) -> None:
        """Send a reply; ``seconds`` is what it took. Raises RunOver, UnknownHere, FleetError.

        Its arrays are packed in place.
        """
        _pack(message)
        with no_object_id_recompute():
            message.metadata.__dict__["_message_id"] = message.object_id
            request = PushMessagesRequest(
                node=self._node,
                messages_list=[message_to_proto(remove_content_from_message(message))],
                message_object_trees=[get_object_tree(message)],
                clientapp_runtime_list=[seconds],
            )
            for _ in range(OFFERS):
                response = self._line.call("PushMessages", request)
                push = make_push_object_fn_protobuf(
                    lambda pushed: self._line.call("PushObject", pushed),
                    self._node,
                    message.metadata.run_id,
                    response.session_id,
                )
                try:
                    push_parts([message], push, response.objects_to_push)
                    return
                except ObjectPushError as error:
                    # It refuses a part that it has, too, as where only its answer was lost. Asked
                    # anew, it says what it lacks.
                    refused = error
            _log.warning("the server did not take the reply: %s", refused)

    def is_running(self, run_id: int) -> bool:
        """Ask whether the run goes on. Raises UnknownHere, FleetError."""
        try:
            self._line.call("GetRun", GetRunRequest(node=self._node, run_id=run_id))
        except RunOver:
            return False
        return True

    def _heartbeats(self) -> None:
        while not self._line.leaving.wait(HEARTBEAT_EVERY):
            with self._beating:
                self._give_sign_of_life()

    def _give_sign_of_life(self) -> None:
        client = self._line.client
        if client is None or not self._node.node_id:
            return
        request = SendNodeHeartbeatRequest(node=self._node, heartbeat_interval=HEARTBEAT_INTERVAL)
        try:
            client.SendNodeHeartbeat(request)
        except (httpx.HTTPError, RuntimeError):
            # The loop that pulls messages sees the same, and is the one to act on it.
            _log.debug("no answer to a sign of life")


def _pack(message: Message) -> None:
    """Pack the arrays of a message, of which no other copy stays."""
    if message.has_content():
        for key, arrays in list(message.content.array_records.items()):
            message.content[key] = pack(arrays)
