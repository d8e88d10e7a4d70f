"""How this site is let in: by its own key, and as the node that the server knows by that key."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import httpx

from .clocks import apart, seconds_behind
from .identity import REQUEST_FILE, Identity
from .whole_file import PRIVATE, whole_file

_NODE_FILE = "node"
# The server's clock is told in whole seconds, and takes time to arrive.
_CLOCK_MATTERS = 5.0


@dataclass(frozen=True)
class Admittance:
    """This site's key, and the folder in which it keeps what belongs to it."""

    identity: Identity
    folder: Path

    def former_node(self) -> int | None:
        """Return the node that this site was when it last broke off without a word, or None."""
        try:
            return int((self.folder / _NODE_FILE).read_text())
        except (OSError, ValueError):
            return None

    def remember(self, node: int) -> None:
        """Keep the node that this site is now, for the case that it breaks off."""
        with suppress(OSError), whole_file(self.folder / _NODE_FILE, PRIVATE) as file:
            file.write(str(node).encode())

    def forget(self) -> None:
        """There is no node any more: this site has signed off."""
        with suppress(OSError):
            (self.folder / _NODE_FILE).unlink(missing_ok=True)

    def why_not(self, refusal: httpx.Response) -> str:
        """Say why the server did not take the key, and what to do."""
        behind = seconds_behind(refusal)
        if behind is not None and abs(behind) > _CLOCK_MATTERS:
            return f"this machine's clock is {apart(behind)}: set it right"
        return (
            f"this site's key, {self.identity.fingerprint}, is not admitted there: give "
            f"{self.folder / REQUEST_FILE} to the coordinator; if it was let in before, ask why "
            "it was revoked"
        )
