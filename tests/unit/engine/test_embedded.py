from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import torch
from flwr.app import ArrayRecord, Message

from nbfed.engine.embedded import EmbeddedGrid, WorkerError
from nbfed.engine.processes import WORKER_DIED
from tests.runtime import demo
from tests.runtime.loading import Client, importable
from tests.runtime.processes import is_alive, wait_for

torch.set_num_threads(1)

NAME = "Erika Mustermann"


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("built")
    demo.write_packages(demo.program(), folder)
    demo.write_data(folder)
    return folder


@pytest.fixture(scope="module")
def client(built: Path) -> Iterator[Client]:
    with importable(built / "client"):
        yield Client("demo_client", {"site": "server"})


def grid_of(folder: Path, package: str = "demo_client", **options: Any) -> EmbeddedGrid:
    nodes = {site: {"DATA_FILE": f"{site}.csv"} for site in demo.SITES}
    return EmbeddedGrid(folder / "client", package, nodes, workdir=folder, **options)


@contextmanager
def other_client(folder: Path, **code: str) -> Iterator[Client]:
    """The client app of a program with other code in some of its stages."""
    demo.write_packages(demo.program(**code), folder, name="other")
    demo.write_data(folder)
    with importable(folder / "client"):
        yield Client("other_client", {"site": "server"})


def letters(
    client: Client, grid: EmbeddedGrid, weights: ArrayRecord, *sites: str, **config: Any
) -> list[Message]:
    nodes = grid.only(sites).get_node_ids() if sites else grid.get_node_ids()
    made = []
    for node in nodes:
        letter = client.letter("train", weights, **config)
        letter.metadata.dst_node_id = node
        made.append(letter)
    return made


def rounds(client: Client, folder: Path, workers: int) -> list[bytes]:
    """Three rounds on two workers or one: what every site sent, in order of the sites."""
    sent = []
    with grid_of(folder, workers=workers) as grid:
        assert len(grid.pids) == workers
        weights = client.weights()
        for number in (1, 2, 3):
            replies = grid.send_and_receive(letters(client, grid, weights, server_round=number))
            for reply in sorted(replies, key=lambda reply: reply.metadata.src_node_id):
                sent += [array.data for array in reply.content["arrays"].values()]
                sent.append(repr(dict(reply.content["metrics"])).encode())
                sent.append(repr(dict(reply.content["evaluation"])).encode())
            weights = reply.content["arrays"]
    return sent


def test_one_worker_or_two_give_the_same_bytes(client: Client, built: Path) -> None:
    torch.manual_seed(0)
    one = rounds(client, built, 1)
    torch.manual_seed(0)
    two = rounds(client, built, 2)
    assert len(one) == 3 * 3 * (2 + len(client.weights()))
    assert one == two


def test_a_killed_worker_costs_its_task_and_is_replaced(tmp_path: Path) -> None:
    waiting = """\
import pathlib, subprocess, time
if LR >= 1:
    pathlib.Path('child').write_text(str(subprocess.Popen(['sleep', '600']).pid))
pathlib.Path('busy').touch()
time.sleep(0 if LR < 1 else 60)
"""
    with other_client(tmp_path, train=waiting + demo.TRAIN) as other:
        with grid_of(tmp_path, "other_client", workers=2) as grid:
            weights = other.weights()
            slow = letters(other, grid, weights, "budapest", params={"LR": 1.0})
            quick = letters(other, grid, weights, "cleveland", "zurich")
            ids = set(grid.push_messages([*slow, *quick]))
            before = list(grid.pids)
            wait_for((tmp_path / "busy").exists)
            replies: list[Message] = []
            while len(replies) < 1:
                replies += grid.pull_messages(ids)
            os.kill(before[0], signal.SIGKILL)
            while len(replies) < 3:
                replies += grid.pull_messages(ids)
            # What the notebook's code had started is gone, too.
            child = int((tmp_path / "child").read_text())
            wait_for(lambda: not is_alive(child))
            failed = [reply for reply in replies if reply.has_error()]
            assert [reply.error.code for reply in failed] == [WORKER_DIED]
            assert failed[0].error.reason == "the process of site budapest ended (signal 9)"
            assert failed[0].metadata.src_node_id == slow[0].metadata.dst_node_id
            after = list(grid.pids)
            assert after[0] != before[0]
            assert after[1] == before[1]
            again = letters(other, grid, weights, "budapest")
            assert all(reply.has_content() for reply in grid.send_and_receive(again))
            # Between two tasks it costs none.
            for pid in after:
                os.kill(pid, signal.SIGKILL)
                os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
            again = letters(other, grid, weights, "budapest", "cleveland", "zurich")
            assert all(reply.has_content() for reply in grid.send_and_receive(again))
        wait_for(lambda: not any(map(is_alive, [*before, *after])))


def test_an_exception_s_text_does_not_come_back(tmp_path: Path) -> None:
    with (
        other_client(tmp_path, train=f"raise ValueError('{NAME}')") as other,
        grid_of(tmp_path, "other_client", workers=1, log_dir=tmp_path) as grid,
    ):
        (reply,) = grid.send_and_receive(letters(other, grid, other.weights(), "zurich"))
    assert str(reply.error.reason).startswith("ValueError in train.py line ")
    assert NAME not in repr(reply)
    assert NAME in (tmp_path / "worker-1.log").read_text()


def test_the_pooled_site_trains_on_all_rows(client: Client, built: Path) -> None:
    with grid_of(built, workers=2, pooled=True) as grid:
        weights = client.weights()
        assert len(list(grid.get_node_ids())) == 3
        (reply,) = grid.send_and_receive(letters(client, grid, weights, "pooled"))
        alone = grid.send_and_receive(letters(client, grid, weights))
    assert reply.content["metrics"]["num-examples"] == sum(
        other.content["metrics"]["num-examples"] for other in alone
    )
    assert reply.content["evaluation"]["num-examples"] == 36


def test_what_does_not_pool_is_named(tmp_path: Path) -> None:
    load = demo.LOAD + "\ntest_loader = {'rows': test_loader}"
    evaluate = demo.EVALUATE.replace("in test_loader", "in test_loader['rows']")
    with (
        other_client(tmp_path, load=load, evaluate=evaluate) as other,
        grid_of(tmp_path, "other_client", workers=1, pooled=True) as grid,
    ):
        (reply,) = grid.send_and_receive(letters(other, grid, other.weights(), "pooled"))
    assert reply.error.reason == "pooled: cannot put `test_loader` (type dict) together"


def test_a_package_that_cannot_be_imported(tmp_path: Path) -> None:
    demo.write_packages(demo.program(), tmp_path)
    data = tmp_path / "client/demo_client/data.py"
    data.write_text("import no_such_library\n" + data.read_text())
    with (
        grid_of(tmp_path, workers=1) as grid,
        pytest.raises(WorkerError, match="No module named 'no_such_library'"),
    ):
        grid.get_node_ids()


def test_pull_waits_but_not_for_ever(client: Client, built: Path) -> None:
    with grid_of(built, workers=1) as grid:
        assert list(grid.pull_messages(["no such message"])) == []


ENGINE = """
import sys, time
from pathlib import Path
from nbfed.engine.embedded import EmbeddedGrid
folder = Path(sys.argv[1])
nodes = {site: {"DATA_FILE": site + ".csv"} for site in ("cleveland", "zurich")}
grid = EmbeddedGrid(folder / "client", "demo_client", nodes, workdir=folder, workers=2)
grid.__enter__()
grid.wait_until_ready()
print(*grid.pids, flush=True)
sys.stdin.read()
"""


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_no_worker_outlives_the_engine(built: Path, number: signal.Signals) -> None:
    engine = subprocess.Popen(
        [sys.executable, "-c", ENGINE, str(built)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        assert engine.stdout
        workers = [int(pid) for pid in engine.stdout.readline().split()]
        assert len(workers) == 2
        engine.send_signal(number)
        engine.wait(30)
        wait_for(lambda: not any(map(is_alive, workers)))
    finally:
        engine.kill()
        engine.communicate()


def test_a_site_sees_the_device_that_it_was_given(tmp_path: Path) -> None:
    seen = (
        demo.TRAIN + "\nimport os\ntrain_loss = len(os.environ.get('CUDA_VISIBLE_DEVICES', 'any'))"
    )
    first, *others = demo.SITES
    with other_client(tmp_path, train=seen) as client:
        devices = {first: "cpu", **dict.fromkeys(others, "auto")}
        grid = grid_of(tmp_path, "other_client", workers=1, devices=devices)
        with grid:
            replies = grid.send_and_receive(letters(client, grid, client.weights()))
            found = {
                reply.metadata.src_node_id: reply.content["metrics"]["train_loss"]
                for reply in replies
            }
            assert found == {
                node: 0 if site == first else len("any")
                for site, node in zip(demo.SITES, grid.get_node_ids(), strict=True)
            }
            assert len(grid.pids) == 2
