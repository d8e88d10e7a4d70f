"""Names of the things that a build makes."""

from __future__ import annotations

import re
from dataclasses import dataclass

# Flower allows 32 characters in an app's name; "-server" and "-client" need seven of them.
MAX_NAME_LENGTH = 25


@dataclass(frozen=True)
class Names:
    """All names derived from a federation's name."""

    name: str

    @property
    def server_package(self) -> str:
        """Import name of the server package."""
        return f"{self.name.replace('-', '_')}_server"

    @property
    def client_package(self) -> str:
        """Import name of the client package."""
        return f"{self.name.replace('-', '_')}_client"

    @property
    def server_distribution(self) -> str:
        """Distribution and console script of the server package."""
        return f"{self.name}-server"

    @property
    def client_distribution(self) -> str:
        """Distribution and console script of the client package."""
        return f"{self.name}-client"


def normalised(text: str) -> str:
    """The name for ``text``: lower-case letters, digits and hyphens, starting with a letter.

    >>> normalised("Chest X-ray (final) 2")
    'chest-x-ray-final-2'
    >>> normalised("3dunet")
    'nb-3dunet'
    """
    name = re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")
    if not name or not name[0].isalpha():
        name = f"nb-{name}".strip("-")
    return name[:MAX_NAME_LENGTH].rstrip("-")
