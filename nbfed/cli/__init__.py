"""The commands people type."""

from __future__ import annotations


def main() -> None:
    """Run the command line of this process."""
    from nbfed.cli.app import app

    app(prog_name="nbfed")
