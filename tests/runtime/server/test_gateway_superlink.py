"""The gateway before a real SuperLink: what a stranger can do with the CA's certificate in hand."""

from __future__ import annotations

import os
import signal
import socket
import ssl
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from flwr.app import Array, ArrayRecord, ConfigRecord, Message, RecordDict
from flwr.proto.control_pb2 import ListNodesRequest, ListRunsRequest, StartRunRequest
from flwr.proto.fab_pb2 import GetFabRequest
from flwr.proto.fleet_pb2 import (
    ActivateNodeRequest,
    PullMessagesRequest,
    RegisterNodeFleetRequest,
    UnregisterNodeFleetRequest,
)
from flwr.proto.node_pb2 import Node
from flwr.proto.runtime_pb2 import AcquireTaskRequest
from flwr.supercore.control import ControlHttpClient
from flwr.supercore.primitives.asymmetric import public_key_to_bytes
from flwr.supercore.runtime import RuntimeHttpClient
from flwr.supernode.fleet_http_client import FleetHttpClient
from flwr.supernode.node_auth_http_interceptor import NodeAuthHttpInterceptor

from tests.runtime.processes import is_alive, wait_for

from .conftest import Package
from .fake_grid import FakeSite
from .fleet_site import FleetSite

BEAT = 30.0
Key = ec.EllipticCurvePrivateKey


class Running:
    """A SuperLink that lets only admitted sites in, and a gateway before it."""

    def __init__(self, server: Package, state: Path, stack: ExitStack) -> None:
        self.server = server
        self.state = state
        self.process = stack.enter_context(
            server.superlink_process.superlink_process("127.0.0.1:0", state)
        )
        self.ca: Path = self.process.certificates.ca
        self.inside: str = self.process.address
        self.link = stack.enter_context(
            closing(
                server.superlink.SuperLink(
                    self.inside, self.ca, self.process.secret, self.process.alive
                )
            )
        )
        self.link.wait_until_ready(60)
        listener = stack.enter_context(socket.socket())
        listener.bind(("127.0.0.1", 0))
        self.port = listener.getsockname()[1]
        self.address = f"127.0.0.1:{self.port}"
        nodes = stack.enter_context(server.superlink_nodes.SuperLinkNodes(self.inside, self.ca))
        keyring = server.keyring.Keyring(state / "keys.json")
        self.registration = server.registration.Registration(nodes, keyring)
        stack.enter_context(self.registration.kept())
        self.parts = server.part_store.PartStore()
        service = stack.enter_context(
            server.part_service.part_service(self.parts, self.registration.site_of)
        )
        self.gateway = stack.enter_context(
            server.gateway_process.gateway_process(
                listener, self.inside, service, self.process.certificates, state
            )
        )
        self.front = server.front.Front(self.registration.site_of, self.parts)

    def admit(self, site: str) -> Key:
        """Admit a new key, and wait until the SuperLink has it."""
        key = ec.generate_private_key(ec.SECP384R1())
        line = self.server.site_keys.openssh_line(key.public_key())
        self.server.admission.admit_key(site, line, self.state)
        wait_for(lambda: site in self.sites().values())
        return key

    def sites(self) -> dict[int, str]:
        return {n: self.registration.site_of(n) for n in self.nodes()}

    def nodes(self) -> list[int]:
        listed = self.link._control.ListNodes(ListNodesRequest()).nodes_info
        return [node.node_id for node in listed]

    def fleet(self, key: Key, address: str = "") -> FleetHttpClient:
        signed = NodeAuthHttpInterceptor(key, key.public_key())
        return FleetHttpClient.from_server_address(
            address or self.address, False, self.ca.read_bytes(), [signed]
        )


@pytest.fixture(scope="module")
def running(server: Package, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with ExitStack() as stack:
        yield Running(server, tmp_path_factory.mktemp("gateway") / "state", stack)


@pytest.fixture
def stranger() -> Key:
    return ec.generate_private_key(ec.SECP384R1())


def refused(call: Any, *arguments: Any) -> int:
    with pytest.raises(httpx.HTTPStatusError) as caught:
        call(*arguments)
    assert caught.value.response.content == b""
    status: int = caught.value.response.status_code
    return status


def node_of(key: Key, fleet: FleetHttpClient) -> Node:
    request = ActivateNodeRequest(
        public_key=public_key_to_bytes(key.public_key()), heartbeat_interval=BEAT
    )
    return Node(node_id=fleet.ActivateNode(request).node_id)


class TestStranger:
    def test_cannot_register_a_node(self, running: Running, stranger: Key) -> None:
        before = running.nodes()
        request = RegisterNodeFleetRequest(public_key=public_key_to_bytes(stranger.public_key()))
        with running.fleet(stranger) as fleet:
            assert refused(fleet.RegisterNode, request) == 404
        # Nor would it at the SuperLink's own port: two doors, each locked.
        with running.fleet(stranger, running.inside) as fleet:
            with pytest.raises(httpx.HTTPStatusError) as caught:
                fleet.RegisterNode(request)
            assert caught.value.response.status_code == 412
        assert running.nodes() == before

    def test_cannot_start_or_list_runs(self, running: Running) -> None:
        with ControlHttpClient.from_server_address(
            running.address, False, running.ca.read_bytes(), []
        ) as control:
            assert refused(control.StartRun, StartRunRequest()) == 404
            assert refused(control.ListRuns, ListRunsRequest()) == 404
            assert refused(control.ListNodes, ListNodesRequest()) == 404

    def test_cannot_acquire_a_task(self, running: Running) -> None:
        with RuntimeHttpClient.from_server_address(
            running.address, False, running.ca.read_bytes(), []
        ) as runtime:
            assert refused(runtime.AcquireTask, AcquireTaskRequest()) == 404

    @pytest.mark.parametrize("page", ["/docs", "/openapi.json", "/health", "/"])
    def test_cannot_read_what_there_is(self, running: Running, page: str) -> None:
        tls = ssl.create_default_context(cafile=str(running.ca))
        with httpx.Client(verify=tls, base_url=f"https://{running.address}") as client:
            reply = client.get(page)
        assert (reply.status_code, reply.content) == (404, b"")
        assert "server" not in reply.headers

    def test_cannot_be_a_node(self, running: Running, stranger: Key) -> None:
        with running.fleet(stranger) as fleet:
            request = ActivateNodeRequest(
                public_key=public_key_to_bytes(stranger.public_key()), heartbeat_interval=BEAT
            )
            assert refused(fleet.ActivateNode, request) == 401
            pull = PullMessagesRequest(node=Node(node_id=1))
            assert refused(fleet.PullMessages, pull) == 401

    def test_does_not_get_in_without_tls_1_3(self, running: Running) -> None:
        tls = ssl.create_default_context(cafile=str(running.ca))
        tls.maximum_version = ssl.TLSVersion.TLSv1_2
        with (
            socket.create_connection(("127.0.0.1", running.port), 20) as sock,
            pytest.raises((ssl.SSLError, ConnectionError)),
        ):
            tls.wrap_socket(sock, server_hostname="localhost")


class TestSite:
    def test_cannot_be_another_site(self, running: Running) -> None:
        one, two = running.admit("one"), running.admit("two")
        with running.fleet(one) as first, running.fleet(two) as second:
            node_of(one, first)
            node = node_of(two, second)
            assert refused(first.PullMessages, PullMessagesRequest(node=node)) == 401
            second.PullMessages(PullMessagesRequest(node=node))

    def test_cannot_leave_the_list_of_calls(self, running: Running) -> None:
        key = running.admit("three")
        with running.fleet(key) as fleet:
            node = node_of(key, fleet)
            assert refused(fleet.GetFab, GetFabRequest(node=node)) == 404
            leave = UnregisterNodeFleetRequest(node_id=node.node_id)
            assert refused(fleet.UnregisterNode, leave) == 404

    def test_that_is_revoked_is_out(self, running: Running) -> None:
        key = running.admit("four")
        with running.fleet(key) as fleet, running.fleet(key, running.inside) as inside:
            node = node_of(key, fleet)
            fleet.PullMessages(PullMessagesRequest(node=node))
            assert running.registration.site_of(node.node_id) == "four"
            running.server.admission.revoke("four", running.state)
            # The gateway sees it at the next request, whatever the SuperLink does.
            assert refused(fleet.PullMessages, PullMessagesRequest(node=node)) == 401
            wait_for(lambda: running.registration.site_of(node.node_id) is None)
            with pytest.raises(httpx.HTTPStatusError):
                inside.PullMessages(PullMessagesRequest(node=node))

    def test_does_not_trust_a_server_of_another_authority(
        self, running: Running, tmp_path: Path
    ) -> None:
        key = running.admit("five")
        other = running.server.certificates.ensure_certificates(tmp_path / "pki").ca
        signed = NodeAuthHttpInterceptor(key, key.public_key())
        with (
            FleetHttpClient.from_server_address(
                running.address, False, other.read_bytes(), [signed]
            ) as fleet,
            pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"),
        ):
            node_of(key, fleet)

    def test_is_known_to_the_superlink_by_its_key(self, running: Running) -> None:
        key = running.admit("six")
        with running.fleet(key) as fleet:
            assert running.registration.site_of(node_of(key, fleet).node_id) == "six"


def test_a_message_goes_to_a_site_and_its_reply_comes_back(running: Running) -> None:
    key = running.admit("seven")
    site = FakeSite("seven", running.server.settings.CLIENT_DIGEST)
    # Several of Flower's chunks, and not all zeros: equal chunks are sent once.
    big = np.random.default_rng(0).normal(size=3_000_000).astype(np.float32)
    with running.link.run("demo", running.front) as run:
        thread = FleetSite(running.address, running.ca, site, (key, key.public_key()))
        thread.start()
        site_of = running.registration.site_of
        wait_for(lambda: "seven" in {site_of(node) for node in run.grid.get_node_ids()})
        (node,) = (n for n in run.grid.get_node_ids() if site_of(n) == "seven")
        content = {"arrays": ArrayRecord({"w": Array(big)})}
        content["config"] = ConfigRecord({"evaluate": False})
        ids = list(run.grid.push_messages([Message(RecordDict(content), node, "train")]))
        replies: list[Message] = []
        wait_for(lambda: replies.extend(run.grid.pull_messages(ids)) or replies)
        assert np.array_equal(replies[0].content["arrays"]["w"].numpy(), big + 1)
        assert replies[0].metadata.src_node_id == node
        run.completed = True
    thread.join(60)
    assert not thread.is_alive()


def test_a_message_that_the_superlink_refuses_is_not_offered(running: Running) -> None:
    content = RecordDict({"config": ConfigRecord({"evaluate": False})})
    with running.link.run("demo", running.front) as run:
        message = Message(content, 12345, "train")
        assert list(run.grid.push_messages([message])) == [""]
    assert running.parts.offered(message.metadata.message_id) is None


def test_a_gateway_that_ends_is_started_again(running: Running) -> None:
    key = running.admit("eight")
    first = running.gateway.pid
    os.kill(first, signal.SIGKILL)
    wait_for(lambda: running.gateway.pid != first)

    def served() -> bool:
        try:
            with running.fleet(key) as fleet:
                node_of(key, fleet)
        except httpx.HTTPError:
            return False
        return True

    wait_for(served)
    assert not is_alive(first)


def test_the_gateway_does_not_know_the_secret(running: Running) -> None:
    memory = Path(f"/proc/{running.gateway.pid}")
    seen = memory.joinpath("environ").read_bytes() + memory.joinpath("cmdline").read_bytes()
    assert running.process.secret not in seen
    assert b"superexec" not in seen


def test_the_gateways_log_says_who_was_refused(running: Running) -> None:
    text = (running.state / "gateway.log").read_text()
    assert "127.0.0.1: 404, a call that is not served" in text
    assert "Traceback" not in text
