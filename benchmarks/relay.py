"""A relay for TCP that counts the bytes that pass, and may be as slow as a hospital's line."""

from __future__ import annotations

import asyncio
import threading
import time
from bisect import bisect
from contextlib import suppress
from types import TracebackType
from typing import Self

_PIECE_BYTES = 256 * 1024
_START_SECONDS = 10.0


class _Line:
    """One direction, which pieces take one after the other."""

    def __init__(self, rate: float) -> None:
        self._rate = rate
        self._free = 0.0

    async def take(self, size: int) -> None:
        """Wait until so many bytes have passed."""
        if self._rate:
            now = time.monotonic()
            self._free = max(self._free, now) + size / self._rate
            await asyncio.sleep(self._free - now)


class Relay:
    """Listens on a port of its own (``address``) and passes everything on to ``target``.

    ``rate`` is how many bytes a second pass in each direction, over all connections; 0 for all.
    """

    def __init__(self, target: str, rate: float = 0.0) -> None:
        self._target = target
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._times: list[float] = []
        self._totals: list[int] = []
        self._out, self._back = _Line(rate), _Line(rate)
        self.address = ""

    def __enter__(self) -> Self:
        self._thread.start()
        starting = asyncio.run_coroutine_threadsafe(self._listen(), self._loop)
        self.address = starting.result(_START_SECONDS)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        asyncio.run_coroutine_threadsafe(self._end(), self._loop).result(_START_SECONDS)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def bytes_between(self, start: float, end: float) -> int:
        """Return how many bytes passed between two times, in seconds since 1970."""
        return self._until(end) - self._until(start)

    def _until(self, when: float) -> int:
        position = bisect(self._times, when)
        return self._totals[position - 1] if position else 0

    async def _end(self) -> None:
        """End the connections that are still there."""
        open_ones = asyncio.all_tasks() - {asyncio.current_task()}
        for task in open_ones:
            task.cancel()
        await asyncio.gather(*open_ones, return_exceptions=True)

    async def _listen(self) -> str:
        server = await asyncio.start_server(self._connection, "127.0.0.1", 0)
        host, port = server.sockets[0].getsockname()
        return f"{host}:{port}"

    async def _connection(self, near: asyncio.StreamReader, back: asyncio.StreamWriter) -> None:
        host, _, port = self._target.rpartition(":")
        try:
            far, out = await asyncio.open_connection(host, int(port))
        except OSError:
            back.close()
            return
        # Of a connection that is cut at the end nobody wants to hear.
        with suppress(asyncio.CancelledError):
            await asyncio.gather(
                self._pass_on(near, out, self._out), self._pass_on(far, back, self._back)
            )

    async def _pass_on(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, line: _Line
    ) -> None:
        try:
            while piece := await reader.read(_PIECE_BYTES):
                await line.take(len(piece))
                writer.write(piece)
                await writer.drain()
                self._times.append(time.time())
                self._totals.append(len(piece) + (self._totals[-1] if self._totals else 0))
        except OSError:
            pass
        finally:
            writer.close()
