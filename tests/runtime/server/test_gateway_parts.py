"""Parts of messages: what the server offers, what sites send, and the service between them."""

from __future__ import annotations

import asyncio
import hashlib
import threading
import time
from typing import Any

import httpx
import numpy as np
import pytest
from flwr.app import Array, ArrayRecord, ConfigRecord, Message, RecordDict
from flwr.proto.message_pb2 import (
    PullObjectRequest,
    PullObjectResponse,
    PushObjectRequest,
    PushObjectResponse,
)
from flwr.proto.node_pb2 import Node
from flwr.supercore.inflatable.inflatable_object import (
    get_all_nested_objects,
    get_object_id,
    no_object_id_recompute,
)

from .conftest import Package

FAR = 1e12
NODES = {7: "north", 8: "south"}
NORTH = Node(node_id=7)


@pytest.fixture
def store(server: Package) -> Any:
    return server.part_store.PartStore()


def named(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def test_a_part_is_offered_until_its_message_is_withdrawn(store: Any) -> None:
    store.offer("one", {"a": lambda: b"A", "both": lambda: b"B"}, size=2, until=FAR)
    store.offer("two", {"both": lambda: b"B"}, size=1, until=FAR)
    assert (store.offered("a"), store.offered("both"), store.offered("c")) == (b"A", b"B", None)
    store.withdraw("one")
    assert (store.offered("a"), store.offered("both")) == (None, b"B")
    store.withdraw("two")
    store.withdraw("two")
    assert store.offered("both") is None


def test_a_message_that_is_too_old_is_offered_no_longer(store: Any) -> None:
    store.offer("old", {"a": lambda: b"A"}, size=1, until=time.time() - 1)
    assert store.offered("a") is None


def test_a_sites_part_is_its_own(store: Any) -> None:
    assert store.put("north", named(b"x"), b"x")
    assert store.wait_for("north", named(b"x"), 0) == b"x"
    assert store.wait_for("south", named(b"x"), 0) is None
    store.drop("south", named(b"x"))
    assert store.wait_for("north", named(b"x"), 0) == b"x"
    store.drop("north", named(b"x"))
    assert store.wait_for("north", named(b"x"), 0) is None


def test_a_part_must_be_what_it_is_called(store: Any) -> None:
    assert not store.put("north", named(b"x"), b"y")
    assert store.wait_for("north", named(b"x"), 0) is None


def test_who_waits_for_a_part_gets_it_when_it_comes(store: Any) -> None:
    found: list[bytes | None] = []
    waiting = threading.Thread(
        target=lambda: found.append(store.wait_for("north", named(b"x"), 60))
    )
    waiting.start()
    store.put("north", named(b"x"), b"x")
    waiting.join(60)
    assert found == [b"x"]


def test_a_pause_ends_when_a_site_begins_to_send_and_not_for_all_that_follows(store: Any) -> None:
    store.put("north", named(b"x"), b"x")
    store.pause(600)
    store.put("north", named(b"y"), b"y")
    ended = threading.Event()

    def pause() -> None:
        store.pause(600)
        ended.set()

    pausing = threading.Thread(target=pause)
    pausing.start()
    assert not ended.wait(0.2)
    store.put("south", named(b"x"), b"x")
    pausing.join(60)
    for part in (b"x", b"y"):
        store.drop("north", named(part))
    store.put("north", named(b"z"), b"z")
    store.pause(600)
    store.tell()
    store.pause(600)
    store.close()
    store.pause(600)


def test_the_end_ends_all_waiting(store: Any) -> None:
    found: list[bytes | None] = []
    waiting = threading.Thread(target=lambda: found.append(store.wait_for("north", "x", 600)))
    waiting.start()
    store.close()
    waiting.join(60)
    assert found == [None]
    assert store.closed


def test_what_nobody_takes_gives_way(
    server: Package, store: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "_most_bytes", 10)
    first, second, third = (letter * 4 for letter in (b"a", b"b", b"c"))
    for content in (first, second, first, third):
        assert store.put("north", named(content), content)
    assert store.put("south", named(first), first)
    held = [store.wait_for("north", named(one), 0) for one in (first, second, third)]
    assert held == [None, second, third]
    assert store.wait_for("south", named(first), 0) == first
    # A message may be larger than all that: so may be what answers it.
    store.offer("large", {}, size=100, until=FAR)
    assert store.put("north", named(bytes(390)), bytes(390))
    assert store.wait_for("north", named(second), 0) == second


def letter(value: Any, node: int = 7) -> Message:
    content = {"arrays": ArrayRecord({"w": Array(value), "n": Array(np.arange(3))})}
    content["config"] = ConfigRecord({"round": 1})
    return Message(RecordDict(content), node, "train")


@pytest.mark.parametrize(
    "value",
    [
        pytest.param(np.random.default_rng(0).normal(size=3_000_000), id="several chunks"),
        pytest.param(np.zeros(3_000_000), id="chunks that are the same"),
        pytest.param(np.ones(2), id="one chunk"),
    ],
)
def test_parts_are_flowers_though_made_of_the_weights_as_they_are(
    server: Package, value: Any
) -> None:
    sent = letter(value)
    plain = sent.content["arrays"]
    packed = server.wire.pack(plain)
    sent.content["arrays"] = packed
    sent.metadata.__dict__["_message_id"] = sent.object_id
    sources = {id(packed[server.wire.PACKED]): plain}
    parts = server.offering.parts_of(sent, sources)
    with no_object_id_recompute():
        flowers = {key: one.deflate() for key, one in get_all_nested_objects(sent).items()}
    assert {key: part() for key, part in parts.items()} == flowers
    assert all(get_object_id(content) == key for key, content in flowers.items())


class Asked:
    """The service of a store, asked as the gateway asks."""

    def __init__(self, server: Package, store: Any) -> None:
        self._service = server.part_service.PartService(store, NODES.get)

    def __call__(self, call: str, body: bytes, site: str = "north") -> tuple[int, bytes]:
        async def ask() -> httpx.Response:
            transport = httpx.ASGITransport(self._service)
            async with httpx.AsyncClient(transport=transport, base_url="http://server") as client:
                return await client.post(f"/v1/fleet/{call}", content=body, headers={"site": site})

        response = asyncio.run(ask())
        return response.status_code, response.content


@pytest.fixture
def asked(server: Package, store: Any) -> Asked:
    return Asked(server, store)


def test_a_site_sends_a_part(store: Any, asked: Asked) -> None:
    before = store.heard("north")
    push = PushObjectRequest(node=NORTH, object_id=named(b"x"), object_content=b"x")
    status, body = asked("push-object", push.SerializeToString())
    assert (status, PushObjectResponse.FromString(body).stored) == (200, True)
    assert store.wait_for("north", named(b"x"), 0) == b"x"
    assert store.heard("north") > before == store.heard("south") == 0
    lie = PushObjectRequest(node=NORTH, object_id=named(b"x"), object_content=b"y")
    status, body = asked("push-object", lie.SerializeToString())
    assert (status, PushObjectResponse.FromString(body).stored) == (200, False)


def test_a_site_gets_what_is_offered_and_nothing_that_another_sent(
    store: Any, asked: Asked
) -> None:
    store.offer("one", {"a": lambda: b"A"}, size=1, until=FAR)
    store.put("south", named(b"secret"), b"secret")
    status, body = asked(
        "pull-object", PullObjectRequest(node=NORTH, object_id="a").SerializeToString()
    )
    got = PullObjectResponse.FromString(body)
    assert (status, got.object_found, got.object_available) == (200, True, True)
    assert got.object_content == b"A"
    other = PullObjectRequest(node=NORTH, object_id=named(b"secret")).SerializeToString()
    status, body = asked("pull-object", other)
    assert (status, PullObjectResponse.FromString(body)) == (200, PullObjectResponse())


@pytest.mark.parametrize(("node", "site"), [(7, "south"), (8, "north"), (9, "north")])
def test_a_node_is_its_own_sites_alone(store: Any, asked: Asked, node: int, site: str) -> None:
    store.offer("one", {"a": lambda: b"A"}, size=1, until=FAR)
    pull = PullObjectRequest(node=Node(node_id=node), object_id="a").SerializeToString()
    assert asked("pull-object", pull, site) == (401, b"")
    push = PushObjectRequest(
        node=Node(node_id=node), object_id=named(b"x"), object_content=b"x"
    ).SerializeToString()
    assert asked("push-object", push, site) == (401, b"")
    assert store.wait_for(site, named(b"x"), 0) is None


def test_what_is_no_request_gets_a_status(store: Any, asked: Asked) -> None:
    assert asked("push-object", b"\xff\xff") == (400, b"")
    store.close()
    assert asked("pull-object", b"") == (403, b"")


def test_the_socket_is_for_this_user_alone(server: Package, store: Any) -> None:
    with server.part_service.part_service(store, NODES.get) as path:
        assert path.is_socket()
        assert path.parent.stat().st_mode & 0o077 == 0
        transport = httpx.HTTPTransport(uds=str(path))
        with httpx.Client(transport=transport, base_url="http://server") as client:
            body = PullObjectRequest(node=NORTH, object_id="a").SerializeToString()
            headers = {"site": "north"}
            answer = client.post("/v1/fleet/pull-object", content=body, headers=headers)
        assert PullObjectResponse.FromString(answer.content) == PullObjectResponse()
    assert not path.parent.exists()
    assert store.closed
