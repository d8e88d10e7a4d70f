"""nbfed compiles a Jupyter notebook into the server and the clients of a federation."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version

try:
    __version__ = version("nbfed")
except PackageNotFoundError:  # a source tree that was never installed
    __version__ = "0+unknown"
