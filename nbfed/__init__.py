"""nbfed compiles a Jupyter notebook into the server and the clients of a federation."""

from __future__ import annotations

__version__ = "0.1.0"
