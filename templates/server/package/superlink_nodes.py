"""The sites' keys at the SuperLink: who may be a node, told through its Control API.

Like superlink.py, this uses names of Flower that are not public.
"""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import Self

from flwr.proto.control_pb2 import (
    ListNodesRequest,
    RegisterNodeRequest,
    UnregisterNodeRequest,
)
from flwr.supercore.control import ControlHttpClient
from flwr.supercore.interceptors import RuntimeVersionHttpInterceptor

_GONE = "unregistered"


class SuperLinkNodes:
    """The nodes of the SuperLink at ``address``, each with its public key as PEM.

    All calls raise httpx.HTTPError where the SuperLink does not answer.
    """

    def __init__(self, address: str, ca: Path) -> None:
        self._control = ControlHttpClient.from_server_address(
            address,
            insecure=False,
            root_certificates=ca.read_bytes(),
            interceptors=[RuntimeVersionHttpInterceptor(component_name="flwr CLI")],
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._control.close()

    def all(self) -> dict[bytes, int]:
        """Return the registered nodes: public key -> number of the node."""
        nodes = self._control.ListNodes(ListNodesRequest()).nodes_info
        return {node.public_key: node.node_id for node in nodes if node.status != _GONE}

    def register(self, key: bytes) -> int:
        """Let the owner of ``key`` be a node; return the node's number."""
        return self._control.RegisterNode(RegisterNodeRequest(public_key=key)).node_id

    def unregister(self, node: int) -> None:
        """Let a node be none any more. Its key cannot be registered again."""
        self._control.UnregisterNode(UnregisterNodeRequest(node_id=node))
