"""Which sites are there: who is behind each of Flower's nodes, and waiting for those that lack."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from importlib.metadata import version

from flwr.app import ConfigRecord, Message, MessageType, RecordDict
from flwr.serverapp import Grid

from .pauses import pause
from .reasons import first_line, word
from .settings import CLIENT_DIGEST, Settings

EmitEvent = Callable[..., None]
SiteOf = Callable[[int], str | None]

# A real SuperLink is asked over HTTP: between rounds of milliseconds that would be felt.
_LOOK_SECONDS = 1.0
_WAITING_SECONDS = 10.0


class TooFewSites(Exception):
    """Not enough sites joined in time."""


class Sites:
    """The sites by name, each with the node through which it is reached now.

    A node has to say the name of its site first, and where sites have keys it has to be the one
    that its key was admitted for; until then nothing is sent to it. It never blocks: ``look``
    takes what has arrived, ``gather`` calls it until a deadline. ``emit`` tells the run's events.
    """

    def __init__(
        self,
        grid: Grid,
        settings: Settings,
        emit: EmitEvent,
        poll: float,
        site_of: SiteOf | None = None,
    ) -> None:
        self._grid = grid
        self._settings = settings
        self.emit = emit
        self._poll = poll
        self._site_of = site_of
        self._node_of: dict[str, int] = {}
        self._asked: dict[str, int] = {}
        self._settled: set[int] = set()
        # The nodes that are online, each with the time at which it came.
        self._online: dict[int, str] = {}
        self._doubted: set[str] = set()
        self._leaving: set[str] = set()
        self._joined: Counter[str] = Counter()
        self._seen: dict[str, float] = {}
        self._looked = 0.0
        self._gathered = False

    def present(self) -> dict[str, int]:
        """Return the sites that can take part now, in order of their names, each with its node."""
        return {
            site: node
            for site, node in sorted(self._node_of.items())
            if node in self._online and site not in self._doubted
        }

    def missing(self) -> list[str]:
        """Return the expected sites that are not online."""
        present = self.present()
        return [site for site in self._settings.sites if site not in present]

    def is_online(self, site: str) -> bool:
        """Say whether the site gives signs of life, be it busy or not."""
        return self._node_of.get(site) in self._online

    def is_shut_out(self, site: str) -> bool:
        """Say whether the key with which the site joined is admitted no more: it stays away."""
        return self._site_of is not None and self._site_of(self._node_of[site]) != site

    def leaves(self, site: str) -> None:
        """Take in that the site ends: when it is gone it is not waited for, until it joins anew."""
        self._leaving.add(site)

    def has_left(self, site: str) -> bool:
        """Say whether the site has ended as it said."""
        return site in self._leaving and not self.is_online(site)

    def joined(self, site: str) -> int:
        """Count how often the site has joined: more than before means that it was away."""
        return self._joined[site]

    def doubt(self, site: str) -> None:
        """Leave the site alone until it has answered a question, which a busy one does later."""
        self._doubted.add(site)
        self._settled.discard(self._node_of[site])

    def tell_waiting(self, missing: list[str], seconds: float) -> None:
        """Tell that the run waits for ``missing``, for so long, and when they were last seen."""
        now = time.monotonic()
        last_seen = {s: round(now - self._seen[s], 1) for s in missing if s in self._seen}
        self.emit("waiting", missing=missing, seconds=round(seconds, 3), last_seen=last_seen)

    def look(self, *, now: bool = False) -> None:
        """Ask new nodes who they are and take the answers that are there."""
        if not now and time.monotonic() - self._looked < _LOOK_SECONDS:
            return
        self._looked = time.monotonic()
        self._see(_activations(self._grid))
        new = sorted(self._online.keys() - self._settled - set(self._asked.values()))
        if new:
            questions = [self._question(node) for node in new]
            for node, message_id in zip(new, self._grid.push_messages(questions), strict=False):
                if message_id:
                    self._asked[message_id] = node
        if self._asked:
            for answer in self._grid.pull_messages(list(self._asked)):
                message_id = answer.metadata.reply_to_message_id
                if message_id in self._asked:
                    self._take(self._asked.pop(message_id), answer)

    def gather(self) -> dict[str, int]:
        """Wait for sites: the first time for all that are expected, then for what a round needs.

        At the deadline, what a round needs will do. Raises TooFewSites.
        """
        start = time.monotonic()
        told = -_WAITING_SECONDS
        while True:
            self.look(now=True)
            present, missing = self.present(), self.missing()
            enough = len(present) >= self._settings.needed
            # One site that is lost in the night must not hold up every round of the others.
            if enough and (self._gathered or not missing):
                break
            waited = time.monotonic() - start
            if waited >= self._settings.join_timeout:
                break
            if waited - told >= _WAITING_SECONDS:
                told = waited
                self.tell_waiting(missing, waited)
            pause(self._grid, self._poll)
        if not enough:
            raise TooFewSites(
                f"{len(present)} of the {self._settings.needed} sites needed are there after "
                f"{self._settings.join_timeout:g} s"
                + (f"; missing: {', '.join(missing)}" if missing else "")
            )
        self._gathered = True
        return present

    def _see(self, online: dict[int, str]) -> None:
        """Take in who is online; a node that was away in between is not known any more."""
        back = {
            node for node, since in online.items() if self._online.get(node, since) != since
        } | (online.keys() - self._online.keys()) & self._settled
        self._online = online
        self._settled -= back
        self._asked = {key: node for key, node in self._asked.items() if node not in back}
        for site, node in self._node_of.items():
            if node in back:
                self._doubted.add(site)
            if node in online:
                self._seen[site] = self._looked

    def _question(self, node: int) -> Message:
        content = RecordDict({"config": ConfigRecord({"digest": CLIENT_DIGEST})})
        return Message(content, node, MessageType.QUERY, ttl=self._settings.join_timeout)

    def _take(self, node: int, answer: Message) -> None:
        if answer.has_error():
            # Flower's own errors (the node is away, the question is too old) do not come from the
            # node: it will be asked again. An error of the site's own is its last word.
            if answer.metadata.src_node_id == node:
                self._refuse(node, f"node {node}", first_line(answer.error.reason))
            return
        said = answer.content.config_records.get("site")
        site = word(said.get("site", "")) if said else ""
        if said is None or not site:
            self._refuse(node, f"node {node}", "it does not say which site it is")
        elif self._site_of and self._site_of(node) != site:
            self._refuse(node, site, f"the key that it has is not that of {site}")
        elif said.get("digest") != CLIENT_DIGEST:
            self._refuse(node, site, "it runs another client package than this server's")
        elif self._settings.sites and site not in self._settings.sites:
            self._refuse(node, site, "no site of this name is expected")
        elif not _same_flower(str(said.get("flwr", ""))):
            reason = f"its flwr is not of this server's version, {version('flwr')}"
            self._refuse(node, site, reason)
        else:
            self._settled.add(node)
            self._doubted.discard(site)
            self._leaving.discard(site)
            self._joined[site] += 1
            self._seen[site] = time.monotonic()
            # A site that was started again comes as a new node; the old one fades out.
            self._node_of[site] = node
            versions = {key: word(said.get(key, "")) for key in ("python", "torch", "flwr")}
            self.emit("site-joined", site=site, versions=versions)

    def _refuse(self, node: int, site: str, reason: str) -> None:
        self._settled.add(node)
        self.emit("site-refused", site=site, reason=reason)


def _activations(grid: Grid) -> dict[int, str]:
    """Return the nodes that are online, each with the time at which it came, if Flower tells it."""
    return {node.node_id: node.last_activated_at for node in grid.get_nodes()}


def _same_flower(theirs: str) -> bool:
    """Flower's minor versions do not understand each other, and do not say so."""
    return theirs.split(".")[:2] == version("flwr").split(".")[:2]
