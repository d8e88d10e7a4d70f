"""Messages on the site's line."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from flwr.app import Array, ArrayRecord, Error, Message, MetricRecord, RecordDict

from tests.runtime.client.fleet.link import Link, answers, letter, pulled


def test_a_message_goes_there_and_back_whole(link: Link, fleet_module: Any) -> None:
    from line_client.wire import unpack  # type: ignore[import-not-found]

    size = 3_000_000
    with (
        link.superlink.run("line", link.front) as run,
        fleet_module.Fleet(link.address, link.ca, link.admittance(), patience=10) as fleet,
    ):
        assert fleet.join() is None
        nodes = list(run.grid.get_node_ids())
        assert len(nodes) == 1
        assert fleet.receive() is None
        ids = run.grid.push_messages([letter(nodes[0], size)])
        message = pulled(fleet)
        # Arrays travel as one; it is the client app that takes them apart.
        got = unpack(message.content["arrays"])["w"].numpy()
        np.testing.assert_array_equal(got, np.arange(size, dtype=np.float32))
        doubled = ArrayRecord({"w": Array(2 * got)})
        numbers = MetricRecord({"num-examples": 3})
        content = RecordDict({"arrays": doubled, "metrics": numbers})
        fleet.reply(Message(content, reply_to=message), 0.5)
        (reply,) = answers(run.grid, ids)
        np.testing.assert_array_equal(
            reply.content["arrays"]["w"].numpy(), 2 * np.arange(size, dtype=np.float32)
        )
        assert reply.metadata.src_node_id == nodes[0]
        assert fleet.is_running(message.metadata.run_id)
        run.completed = True
    assert link.superlink.wait_until_deserted(10) is None


def test_an_error_is_a_reply_too(link: Link, fleet_module: Any) -> None:
    with (
        link.superlink.run("line", link.front) as run,
        fleet_module.Fleet(link.address, link.ca, link.admittance(), patience=10) as fleet,
    ):
        fleet.join()
        (node,) = run.grid.get_node_ids()
        ids = run.grid.push_messages([letter(node)])
        fleet.reply(Message(Error(101, "KeyError in train.py"), reply_to=pulled(fleet)), 0.1)
        (reply,) = answers(run.grid, ids)
        assert (reply.error.code, reply.error.reason) == (101, "KeyError in train.py")


def test_the_end_of_the_run_is_seen(link: Link, fleet_module: Any) -> None:
    with fleet_module.Fleet(link.address, link.ca, link.admittance(), patience=10) as fleet:
        with link.superlink.run("line", link.front) as run:
            fleet.join()
            (node,) = run.grid.get_node_ids()
            run.grid.push_messages([letter(node)])
            message = pulled(fleet)
        assert not fleet.is_running(message.metadata.run_id)
        with pytest.raises(fleet_module.RunOver):
            fleet.reply(Message(RecordDict(), reply_to=message), 0.1)


def test_a_server_that_is_interrupted_does_not_say_that_the_run_is_over(
    link: Link, fleet_module: Any
) -> None:
    with fleet_module.Fleet(link.address, link.ca, link.admittance(), patience=10) as fleet:
        with pytest.raises(KeyboardInterrupt), link.superlink.run("line", link.front) as run:
            fleet.join()
            (node,) = run.grid.get_node_ids()
            run.grid.push_messages([letter(node)])
            message = pulled(fleet)
            raise KeyboardInterrupt
        assert fleet.is_running(message.metadata.run_id)
        fleet.reply(Message(RecordDict(), reply_to=message), 0.1)
