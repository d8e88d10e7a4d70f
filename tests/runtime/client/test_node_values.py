"""Who a node is: told by its SuperNode, or by its number in Flower's simulation."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from tests.runtime import demo
from tests.runtime.loading import Client, importable

SITES = {"va": {"DATA_FILE": "va.csv"}, "cleveland": {"DATA_FILE": "c.csv", "param.LR": 0.5}}


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    folder = tmp_path_factory.mktemp("nodes")
    demo.write_packages(demo.program(), folder)
    with importable(folder / "client"):
        yield Client("demo_client", {"site": "a"})


def test_a_supernode_says_it_all(client: Client) -> None:
    told = {"site": "va", "DATA_FILE": "va.csv", "partition-id": 7}
    assert client.module("node_values").node_values(told) == told


def test_simulated_nodes_take_the_sites_in_order(
    client: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "sites.json").write_text(json.dumps(SITES))
    monkeypatch.setenv("DEMO_SITES", str(tmp_path / "sites.json"))
    values = client.module("node_values").node_values
    assert values({"partition-id": 0}) == {"site": "cleveland", **SITES["cleveland"]}
    assert values({"partition-id": 1}) == {"site": "va", **SITES["va"]}


@pytest.mark.parametrize(
    ("config", "text", "reason"),
    [
        ({}, None, "has no `site`"),
        ({"partition-id": 0}, None, "DEMO_SITES does not name the file"),
        ({"partition-id": 0}, "{", "cannot be read as JSON"),
        ({"partition-id": 0}, '["va"]', "does not hold an object of sites"),
        ({"partition-id": 2}, json.dumps(SITES), "this is node 3, but DEMO_SITES has 2 sites"),
    ],
)
def test_what_it_cannot_know_it_refuses(
    client: Client,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    config: dict[str, int],
    text: str | None,
    reason: str,
) -> None:
    monkeypatch.delenv("DEMO_SITES", raising=False)
    if text is not None:
        (tmp_path / "sites.json").write_text(text)
        monkeypatch.setenv("DEMO_SITES", str(tmp_path / "sites.json"))
    with pytest.raises(client.module("failures").Refusal, match=reason):
        client.module("node_values").node_values(config)


def test_a_node_says_how_many_threads_torch_takes(client: Client) -> None:
    threads = client.module("node_values").torch_threads
    assert threads({"site": "va", "torch-threads": 2}) == 2
    assert threads({"site": "va"}) is None


def test_torch_takes_as_many_threads_as_the_node_says(client: Client) -> None:
    before = torch.get_num_threads()
    node = {"site": "threaded", "torch-threads": before + 1}
    try:
        assert Client("demo_client", node).ask("query").has_content()
        assert torch.get_num_threads() == before + 1
    finally:
        torch.set_num_threads(before)


@pytest.mark.parametrize("value", [0, -1, "2", 1.0, True])
def test_what_is_no_number_of_threads_it_refuses(client: Client, value: object) -> None:
    with pytest.raises(client.module("failures").Refusal, match="torch-threads"):
        client.module("node_values").torch_threads({"site": "va", "torch-threads": value})
