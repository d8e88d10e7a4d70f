"""Server and sites as four hosts: network namespaces with addresses of their own on one bridge.

The links are slow, and one of them is cut in the midst of a round.
"""

from __future__ import annotations

import subprocess
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.e2e.faults.federation import Federation, write_faulty_study

SITES = ("north", "south", "west")
HOSTS = ("server", *SITES)
CUT = 10.0


def ip(*arguments: str, tool: str = "ip") -> None:
    subprocess.run([tool, *arguments], check=True, capture_output=True, text=True)


class Network:
    """A bridge, and a namespace for each host; ``close`` takes it all away."""

    def __init__(self) -> None:
        # Names of links have at most 15 characters.
        self._name = f"nbf{uuid.uuid4().hex[:6]}"
        self._made: list[tuple[str, ...]] = []
        self.delay = ""

    def open(self) -> None:
        self._make(("link", "add", self._name, "type", "bridge"), ("link", "del", self._name))
        ip("link", "set", self._name, "up")
        for number, host in enumerate(HOSTS, start=1):
            space, link = self.space(host), self._link(host)
            self._make(("netns", "add", space), ("netns", "del", space))
            inner = ("peer", "name", "eth0", "netns", space)
            self._make(("link", "add", link, "type", "veth", *inner), ("link", "del", link))
            ip("link", "set", link, "master", self._name, "up")
            ip("-n", space, "address", "add", f"10.77.0.{number}/24", "dev", "eth0")
            for device in ("lo", "eth0"):
                ip("-n", space, "link", "set", device, "up")
            self._slow(space)

    def _make(self, command: tuple[str, ...], undo: tuple[str, ...]) -> None:
        ip(*command)
        self._made.append(undo)

    def _slow(self, space: str) -> None:
        """Delay what leaves a host by 50 ms; where the kernel cannot, narrow its link instead."""
        kinds = {
            "netem": ("delay", "50ms"),
            # 125 kB/s: the weights of a round take a second.
            "tbf": ("rate", "1mbit", "burst", "16kb", "latency", "2s"),
        }
        for kind, options in kinds.items():
            where = ("-n", space, "qdisc", "add", "dev", "eth0", "root")
            try:
                ip(*where, kind, *options, tool="tc")
                self.delay = kind
                return
            except subprocess.CalledProcessError as error:
                if kind == "tbf" or "unknown" not in error.stderr:
                    raise

    def space(self, host: str) -> str:
        return f"{self._name}-{host}"

    def address(self, host: str) -> str:
        return f"10.77.0.{HOSTS.index(host) + 1}"

    def _link(self, host: str) -> str:
        return f"{self._name}-{HOSTS.index(host)}"

    @contextmanager
    def cut(self, host: str) -> Iterator[None]:
        """Within it, no packet passes from or to the host."""
        ip("link", "set", self._link(host), "down")
        try:
            yield
        finally:
            ip("link", "set", self._link(host), "up")

    def close(self) -> None:
        for undo in reversed(self._made):
            # The other end of a link goes with its namespace.
            subprocess.run(["ip", *undo], check=False, capture_output=True)


@pytest.fixture
def network() -> Iterator[Network]:
    made = Network()
    try:
        made.open()
    except (FileNotFoundError, subprocess.CalledProcessError) as error:
        made.close()
        why = getattr(error, "stderr", "") or str(error)
        pytest.skip(f"no network namespaces can be made here: {why.strip()}")
    yield made
    made.close()


def test_four_hosts_finish_over_slow_links_of_which_one_is_cut(
    network: Network, tmp_path: Path
) -> None:
    write_faulty_study(tmp_path, SITES, "rounds: 3\n")
    federation = Federation(tmp_path)
    federation.address = f"{network.address('server')}:9092"
    federation.elsewhere = {host: ("ip", "netns", "exec", network.space(host)) for host in HOSTS}
    # Longer than the cut, so that the round lasts while south cannot be reached.
    federation.faults("north", f"none sleep:{CUT + 5} none")
    federation.faults("south", "none sleep:2 none")
    try:
        server = federation.server()
        sites = [federation.site(name) for name in SITES]
        federation.until(lambda: len(federation.faults_left("south")) == 1)
        with network.cut("south"):
            time.sleep(CUT)
            replied = {e["site"] for e in federation.of("site-replied") if e["round"] == 2}
            assert "south" not in replied
        assert federation.ends(server, *sites) == [0] * 4, federation.log("server")
        assert [e["sites"] for e in federation.of("round-finished")] == [list(SITES)] * 3
        assert federation.of("site-failed") == []
        assert federation.events[-1]["outcome"] == "finished"
    finally:
        federation.close()
