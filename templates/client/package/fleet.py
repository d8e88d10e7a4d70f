"""This site's line to the server: outward HTTPS requests to the one address that it was given.

Only this module and ``parts`` use what is inside of flwr (the client of its Fleet API and the way
in which it takes messages apart), so flwr's version is bounded in pyproject.toml. Flower's own
connection is not used: it ends the whole process where this one says what is wrong, or tries again.
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
from flwr.supercore.error import FlowerError
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
from flwr.supernode.fleet_http_client import FleetHttpClient
from flwr.supernode.node_auth_http_interceptor import NodeAuthHttpInterceptor

from .admittance import Admittance
from .parts import BrokenMessage, pull_message, push_parts
from .wire import pack

# Seconds. The server takes a site for gone after two intervals without a sign of life.
HEARTBEAT_INTERVAL = 10.0
HEARTBEAT_EVERY = 4.0
RETRY_FIRST, RETRY_MOST = 0.1, 2.0
SEEN_TO_LEAVE = 1.0
# How often a reply is offered whose parts the server does not take.
OFFERS = 3

_BUSY = frozenset({502, 503, 504})
_NOT_SENT = (httpx.ConnectError, httpx.ConnectTimeout)

_log = logging.getLogger(__package__)


class FleetError(Exception):
    """The server cannot be worked with; the text says why in one line."""


class Unreachable(FleetError):
    """No answer for as long as this site has patience."""


class UnknownHere(FleetError):
    """The server does not know this node: it was started anew, or it turned the key away."""


class RunOver(Exception):
    """The run that a request was about is not running any more."""


def require_admitted(address: str, ca: Path, admittance: Admittance) -> None:
    """Make one signed request that changes nothing; raises FleetError if the key is not let in."""
    keys = admittance.identity.keys
    client = FleetHttpClient.from_server_address(
        address, False, ca.read_bytes(), [NodeAuthHttpInterceptor(*keys)]
    )
    try:
        client.GetRun(GetRunRequest(node=Node(node_id=0), run_id=0))
    except httpx.HTTPStatusError as error:
        # The gateway ends the connection of whom it does not let in. Any other answer is the
        # SuperLink's behind it, which says no too: there is no such node, nor such a run.
        if error.response.headers.get("connection") == "close":
            raise UnknownHere(admittance.why_not(error.response)) from error
    except httpx.TransportError as error:
        raise FleetError(f"{address} did not answer: {error}") from error
    finally:
        client.close()


class Fleet:
    """One connection; a context manager that signs off at its end.

    ``patience`` are the seconds for which a server that does not answer is tried again.
    """

    def __init__(
        self, address: str, ca: Path | None, admittance: Admittance, *, patience: float
    ) -> None:
        self.address = address
        self.patience = patience
        self._ca = ca.read_bytes() if ca else None
        self._admittance = admittance
        self._client: FleetHttpClient | None = None
        self._node = Node()
        self._lost = False
        self._leaving = threading.Event()
        self._pulse = threading.Thread(target=self._heartbeats, daemon=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._leaving.set()
        if self._client is None:
            return
        if self._node.node_id:
            self._sign_off(self._node.node_id)
        self._client.close()

    def join(self) -> None:
        """Be the node of this site's key, as soon as the server lets it in; give signs of life.

        Raises Unreachable or FleetError.
        """
        if self._client is not None:
            self._client.close()
        keys = self._admittance.identity.keys
        try:
            self._client = FleetHttpClient.from_server_address(
                self.address, False, self._ca, [NodeAuthHttpInterceptor(*keys)]
            )
        except (OSError, ValueError) as error:
            raise FleetError(f"the CA certificate cannot be read: {error}") from error
        request = ActivateNodeRequest(
            public_key=public_key_to_bytes(keys[1]), heartbeat_interval=HEARTBEAT_INTERVAL
        )
        former = self._admittance.former_node()
        if former and self._sign_off(former):
            # Whoever waits for what the former process was to answer shall see that it left.
            self._leaving.wait(SEEN_TO_LEAVE)
        self._node = Node(node_id=self._let_in(request).node_id)
        self._admittance.remember(self._node.node_id)
        if not self._pulse.is_alive():
            self._pulse.start()

    def _let_in(self, request: ActivateNodeRequest) -> Any:
        """Ask to be let in, for as long as this site has patience."""
        end, told = time.monotonic() + self.patience, ""
        while True:
            try:
                return self._call("ActivateNode", request)
            except UnknownHere as error:
                reason = str(error)
                if self._leaving.is_set() or time.monotonic() >= end:
                    raise FleetError(
                        f"{self.address} does not let this site in: {reason}"
                    ) from error
            if reason != told:
                _log.info("%s does not let this site in yet: %s", self.address, reason)
                told = reason
            self._leaving.wait(RETRY_MOST)

    def _sign_off(self, node: int) -> bool:
        """Tell the server that this site is gone; say if it knew the node."""
        assert self._client is not None
        try:
            self._client.DeactivateNode(DeactivateNodeRequest(node_id=node))
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
        response = self._call("PullMessages", PullMessagesRequest(node=self._node))
        if not response.messages_list:
            if self._lost:
                self._ask_for_all_again("an answer was lost on its way")
            return None
        self._lost = False
        run_id = response.messages_list[0].metadata.run_id
        tree = response.message_object_trees[0]

        def pull(request: PullObjectRequest) -> Any:
            return self._call("PullObject", request)

        def confirm(object_id: str) -> None:
            request = ConfirmMessageReceivedRequest(
                node=self._node, run_id=run_id, message_object_id=object_id
            )
            self._call("ConfirmMessageReceived", request)

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
        self._lost = False
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
                response = self._call("PushMessages", request)
                push = make_push_object_fn_protobuf(
                    lambda pushed: self._call("PushObject", pushed),
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
            self._call("GetRun", GetRunRequest(node=self._node, run_id=run_id))
        except RunOver:
            return False
        return True

    def _call(self, name: str, request: Any) -> Any:
        """Make one request; where the server does not answer, again and again for a while."""
        start, wait = time.monotonic(), RETRY_FIRST
        while True:
            try:
                return getattr(self._client, name)(request)
            except (httpx.TransportError, httpx.HTTPStatusError) as error:
                reason = self._reason_to_wait(error)
                if name == "PullMessages" and not isinstance(error, _NOT_SENT):
                    self._lost = True
                if self._leaving.is_set() or time.monotonic() - start >= self.patience:
                    raise Unreachable(
                        f"no server at {self.address} within {self.patience:g} s ({reason}): ask "
                        "the coordinator if it runs and if the address is right; --patience waits "
                        "for longer"
                    ) from error
            if wait == RETRY_FIRST:
                _log.info(
                    "no answer from %s yet (%s); trying for %g s",
                    self.address,
                    reason,
                    self.patience,
                )
            self._leaving.wait(wait)
            wait = min(2 * wait, RETRY_MOST)

    def _reason_to_wait(self, error: httpx.TransportError | httpx.HTTPStatusError) -> str:
        """Return why there was no answer; raise what makes waiting useless."""
        if isinstance(error, httpx.TransportError):
            text = str(error) or type(error).__name__
            self._require_trust(text, error)
            return text
        status = error.response.status_code
        if status in _BUSY:
            return f"status {status}"
        if status == httpx.codes.UNAUTHORIZED:
            raise UnknownHere(self._admittance.why_not(error.response)) from error
        if status == httpx.codes.FORBIDDEN:
            raise RunOver from error
        said = FlowerError.from_json(error.response.text)
        raise FleetError(
            f"{self.address} refused a request: {said.message if said else f'status {status}'}"
        ) from error

    def _require_trust(self, text: str, error: Exception) -> None:
        """Raise FleetError for a server that cannot be trusted, however often it is asked."""
        if "certificate has expired" in text or "certificate is not yet valid" in text:
            raise FleetError(
                f"the certificate of {self.address} is not valid now: check this machine's clock, "
                "and ask the coordinator to start the server anew, which renews it"
            ) from error
        if "CERTIFICATE_VERIFY_FAILED" in text:
            raise FleetError(
                f"the certificate of {self.address} is not the federation's: check that the "
                "CA file is the one that this federation's server made"
            ) from error
        # A line that is cut in the middle ends the encryption in disorder, too.
        if "SSL" in text and "EOF" not in text and not self._node.node_id:
            raise FleetError(f"{self.address} does not speak TLS as it should") from error

    def _heartbeats(self) -> None:
        while not self._leaving.wait(HEARTBEAT_EVERY):
            client = self._client
            if client is None:
                continue
            try:
                client.SendNodeHeartbeat(
                    SendNodeHeartbeatRequest(node=self._node, heartbeat_interval=HEARTBEAT_INTERVAL)
                )
            except (httpx.HTTPError, RuntimeError):
                # The loop that pulls messages sees the same, and is the one to act on it.
                _log.debug("no answer to a sign of life")


def _pack(message: Message) -> None:
    """Pack the arrays of a message, of which no other copy stays."""
    if message.has_content():
        for key, arrays in list(message.content.array_records.items()):
            message.content[key] = pack(arrays)
