"""``python -m nbfed``."""

from __future__ import annotations

from nbfed.cli import main

main()
