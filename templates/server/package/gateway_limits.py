"""What the gateway lets through, and how much of it: all of its limits, in one place."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

ACTIVATE = b"/v1/fleet/activate-node"
# The calls that do not go to the SuperLink, and the header that tells whose they are.
PUSH_PART, PULL_PART = b"/v1/fleet/push-object", b"/v1/fleet/pull-object"
SITE = b"site"

_KIB, _MIB = 1024, 1024 * 1024

# The calls that a site makes, each with the field of Limits that bounds its body. Not among them:
# register-node and unregister-node, since the coordinator admits sites; get-fab, since sites run
# no code that they received; and all of /v1/control and /v1/runtime.
_CALLS: Mapping[bytes, str] = {
    ACTIVATE: "call_bytes",
    b"/v1/fleet/deactivate-node": "call_bytes",
    b"/v1/fleet/send-node-heartbeat": "call_bytes",
    b"/v1/fleet/pull-messages": "call_bytes",
    b"/v1/fleet/push-messages": "message_bytes",
    b"/v1/fleet/get-run": "call_bytes",
    PUSH_PART: "object_bytes",
    PULL_PART: "call_bytes",
    b"/v1/fleet/confirm-message-received": "call_bytes",
}


@dataclass(frozen=True)
class Limits:
    """The gateway's limits; sizes in bytes, times in seconds."""

    # Flower cuts arrays into objects of 5 MiB; a message names each of them in some 150 bytes.
    head_bytes: int = 16 * _KIB
    call_bytes: int = 64 * _KIB
    message_bytes: int = 8 * _MIB
    object_bytes: int = 16 * _MIB

    # A connection has so long for TLS, then for each head, from the last answer on. A body may
    # neither stall nor trickle: besides the time for one stall it needs the least rate.
    handshake_seconds: float = 10.0
    head_seconds: float = 10.0
    idle_seconds: float = 30.0
    stall_seconds: float = 30.0
    least_bytes_per_second: int = 4 * _KIB
    # An answer before the end of a request is only read if the rest of the request is taken too.
    linger_seconds: float = 2.0
    linger_bytes: int = _MIB

    # Strangers are connections without a good signature so far. The oldest gives way to a new
    # one, so that nobody can take all places by holding them.
    strangers: int = 128
    connections: int = 384
    connections_per_site: int = 16

    # The SuperLink's own bounds for the time stamp of a signature.
    signature_seconds: float = 305.0
    clock_ahead_seconds: float = 5.0
    signatures_per_site: int = 200_000

    superlink_connect_seconds: float = 5.0
    superlink_answer_seconds: float = 60.0

    open_files: int = 4096
    log_lines_per_minute: int = 20

    def body(self, method: bytes, target: bytes) -> int | None:
        """Return how long the body of such a request may be, or None if it is not served.

        ``target`` is compared as it came, byte for byte: what is spelt in any other way than
        Flower's own client spells it is not served.
        """
        field = _CALLS.get(target) if method == b"POST" else None
        return None if field is None else int(getattr(self, field))
