"""How a site joins, is forgotten, comes back and leaves."""

from __future__ import annotations

import logging
import threading
from pathlib import Path
from typing import Any

import pytest
from flwr.app import Message

from tests.runtime.client.fleet.link import Link, letter, pulled, started
from tests.runtime.processes import wait_for


def test_signs_of_life_do_not_keep_a_site_from_joining_again(
    link: Link, fleet_module: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from line_client import fleet as module

    # So often that one would come between the sign-off of the former node and the next one.
    monkeypatch.setattr(module, "HEARTBEAT_EVERY", 0.01)
    with (
        link.superlink.run("line", link.front) as run,
        fleet_module.Fleet(link.address, link.ca, link.admittance(), patience=15) as fleet,
    ):
        for _ in range(2):
            fleet.join()
        assert len(list(run.grid.get_node_ids())) == 1


def test_who_has_left_is_not_online_any_more(link: Link, fleet_module: Any) -> None:
    with link.superlink.run("line", link.front) as run:
        with fleet_module.Fleet(link.address, link.ca, link.admittance(), patience=10) as fleet:
            fleet.join()
            assert len(list(run.grid.get_node_ids())) == 1
        assert list(run.grid.get_node_ids()) == []


def test_a_node_that_the_server_forgot_is_told_so(link: Link, fleet_module: Any) -> None:
    with fleet_module.Fleet(link.address, link.ca, link.admittance(), patience=10) as fleet:
        fleet.join()
        with fleet_module.Fleet(link.address, link.ca, link.admittance(), patience=10) as other:
            other.join()
            fleet._node = other._node
            with pytest.raises(fleet_module.UnknownHere):
                fleet.receive()
        fleet.join()
        assert fleet.receive() is None


def test_a_server_that_comes_back_is_found_and_joined_again(
    folder: Path, fleet_module: Any
) -> None:
    state = folder / "state-of-another"
    with started(state) as first:
        fleet = fleet_module.Fleet(first.address, first.ca, first.admittance(), patience=60)
        fleet.join()
    told: list[BaseException] = []

    def wait() -> None:
        try:
            fleet.receive()
        except fleet_module.UnknownHere as error:
            told.append(error)

    waiting = threading.Thread(target=wait)
    waiting.start()
    with fleet, started(state, first.address):
        waiting.join(60)
        assert len(told) == 1
        fleet.join()
        assert fleet.receive() is None


def test_a_key_that_is_not_admitted_is_told_what_to_do(link: Link, fleet_module: Any) -> None:
    admittance = link.admittance(admitted=False)
    fingerprint = admittance.identity.fingerprint
    with (
        fleet_module.Fleet(link.address, link.ca, admittance, patience=0.1) as fleet,
        pytest.raises(fleet_module.FleetError, match=r"is not admitted there: give .*json") as told,
    ):
        fleet.join()
    assert fingerprint in str(told.value)


def test_a_site_waits_to_be_admitted(
    link: Link, fleet_module: Any, caplog: pytest.LogCaptureFixture
) -> None:
    admittance = link.admittance(admitted=False)
    caplog.set_level(logging.INFO, "line_client")
    with fleet_module.Fleet(link.address, link.ca, admittance, patience=60) as fleet:
        joining = threading.Thread(target=fleet.join)
        joining.start()
        wait_for(lambda: "does not let this site in yet" in caplog.text)
        link.admit("late", admittance)
        joining.join(60)
        assert not joining.is_alive()
        assert fleet.receive() is None
    assert caplog.text.count("does not let this site in yet") == 1


def test_a_site_that_broke_off_comes_back_at_once(link: Link, fleet_module: Any) -> None:
    admittance = link.admittance()
    # The heartbeats of a process that was killed stop; the server hears nothing else of it.
    broken = fleet_module.Fleet(link.address, link.ca, admittance, patience=10)
    with link.superlink.run("line", link.front) as run:
        broken.join()
        broken._line.leaving.set()
        (node,) = run.grid.get_node_ids()
        ids = run.grid.push_messages([letter(node)])
        pulled(broken)
        replies: list[Message] = []
        with fleet_module.Fleet(link.address, link.ca, admittance, patience=60) as fleet:
            joining = threading.Thread(target=fleet.join)
            joining.start()
            # Who waits for the answer is told that there will be none.
            wait_for(lambda: replies.extend(run.grid.pull_messages(ids)) or replies)
            joining.join(60)
            assert list(run.grid.get_node_ids()) == [node]
        assert replies[0].has_error()
    assert admittance.former_node() is None


def test_a_site_that_signs_off_leaves_no_trace(link: Link, fleet_module: Any) -> None:
    admittance = link.admittance()
    with fleet_module.Fleet(link.address, link.ca, admittance, patience=10) as fleet:
        fleet.join()
        assert admittance.former_node() is not None
    assert admittance.former_node() is None
