"""A network between browser and server that a test can cut."""

from __future__ import annotations

import asyncio
import contextlib


class Network:
    """Passes bytes both ways on a port of its own; `cut` ends every connection and lets no new one through."""

    def __init__(self, server_port: int) -> None:
        self._server_port = server_port
        self._writers: set[asyncio.StreamWriter] = set()
        self._is_cut = False
        self._listener: asyncio.Server | None = None
        self.port = 0

    async def start(self) -> None:
        """Begin to pass."""
        self._listener = await asyncio.start_server(self._pass, "127.0.0.1", 0)
        self.port = self._listener.sockets[0].getsockname()[1]

    def cut(self) -> None:
        """End what is open, refuse what comes."""
        self._is_cut = True
        for writer in self._writers:
            writer.transport.abort()

    def mend(self) -> None:
        """Let connections through again."""
        self._is_cut = False

    async def stop(self) -> None:
        """End everything."""
        self.cut()
        if self._listener is not None:
            self._listener.close()

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._is_cut:
            writer.transport.abort()
            return
        there, back = await asyncio.open_connection("127.0.0.1", self._server_port)
        both = {writer, back}
        self._writers |= both
        await asyncio.gather(_copy(reader, back), _copy(there, writer))
        self._writers -= both


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(ConnectionError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    with contextlib.suppress(ConnectionError):
        writer.close()
