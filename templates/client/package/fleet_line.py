"""Signed requests to the server, made again and again where it does not answer.

Only this module, ``fleet`` and ``parts`` use what is inside of flwr, so its version is bounded in
pyproject.toml.
"""

from __future__ import annotations

import logging
import threading
import time
from pathlib import Path
from typing import Any

import httpx
from flwr.proto.node_pb2 import Node
from flwr.proto.run_pb2 import GetRunRequest
from flwr.supercore.error import FlowerError
from flwr.supernode.fleet_http_client import FleetHttpClient
from flwr.supernode.node_auth_http_interceptor import NodeAuthHttpInterceptor

from .admittance import Admittance
from .clocks import apart, is_about_time, seconds_behind_at

# Seconds.
RETRY_FIRST, RETRY_MOST = 0.1, 2.0

# Further apart than this, it is the clocks and no certificate that has run out. In seconds.
_CLOCK_MATTERS = 60.0

_BUSY = frozenset({502, 503, 504})
_NOT_SENT = (httpx.ConnectError, httpx.ConnectTimeout)

_log = logging.getLogger(__package__)


class FleetError(Exception):
    """The server cannot be worked with; the text says why in one line."""


class Unreachable(FleetError):
    """No answer for as long as this site has patience."""


class UnknownHere(FleetError):
    """The server does not know this node: it was started anew, or it turned the key away.

    So it is, too, where this machine's clock is wrong.
    """


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


class Line:
    """Requests to one address, by Flower's Fleet API.

    ``patience`` are the seconds for which a server that does not answer is tried again, until the
    site is ``leaving``. ``unanswered`` has the names of requests that may have been worked on
    though no answer came.
    """

    def __init__(
        self, address: str, ca: Path | None, admittance: Admittance, *, patience: float
    ) -> None:
        self.address = address
        self.patience = patience
        self.leaving = threading.Event()
        self.unanswered: set[str] = set()
        self.client: FleetHttpClient | None = None
        self._ca = ca.read_bytes() if ca else None
        self._admittance = admittance
        self._answered = False

    def open(self) -> None:
        """Begin anew, on a connection of its own; raises FleetError."""
        self.close()
        self.unanswered.clear()
        keys = self._admittance.identity.keys
        try:
            self.client = FleetHttpClient.from_server_address(
                self.address, False, self._ca, [NodeAuthHttpInterceptor(*keys)]
            )
        except (OSError, ValueError) as error:
            raise FleetError(f"the CA certificate cannot be read: {error}") from error

    def close(self) -> None:
        """Close the connection, if there is one."""
        if self.client is not None:
            self.client.close()

    def call(self, name: str, request: Any) -> Any:
        """Make one request; where the server does not answer, again and again for a while.

        Raises RunOver, UnknownHere, Unreachable or FleetError.
        """
        # Not from the first try on: one that stands still in the middle, as its machine may, ends
        # without an answer when all patience is over.
        failing: float | None = None
        wait = RETRY_FIRST
        while True:
            try:
                answer = getattr(self.client, name)(request)
            except (httpx.TransportError, httpx.HTTPStatusError) as error:
                reason = self._reason_to_wait(error)
                if not isinstance(error, _NOT_SENT):
                    self.unanswered.add(name)
                failing = failing or time.monotonic()
                if self.leaving.is_set() or time.monotonic() - failing >= self.patience:
                    raise Unreachable(
                        f"no server at {self.address} within {self.patience:g} s ({reason}): ask "
                        "the coordinator if it runs and if the address is right; --patience waits "
                        "for longer"
                    ) from error
            else:
                self._answered = True
                return answer
            if wait == RETRY_FIRST:
                _log.info(
                    "no answer from %s yet (%s); trying for %g s",
                    self.address,
                    reason,
                    self.patience,
                )
            self.leaving.wait(wait)
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
        if is_about_time(text):
            behind = seconds_behind_at(self.address, (self._ca or b"").decode())
            if behind is not None and abs(behind) > _CLOCK_MATTERS:
                # As with a signature that is refused for it: the clock may be set meanwhile.
                raise UnknownHere(
                    f"this machine's clock is {apart(behind)}: set it right"
                ) from error
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
        if "SSL" in text and "EOF" not in text and not self._answered:
            raise FleetError(f"{self.address} does not speak TLS as it should") from error
