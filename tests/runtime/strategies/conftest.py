from __future__ import annotations

from tests.runtime.server.conftest import server

__all__ = ["server"]
