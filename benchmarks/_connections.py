"""HTTP requests of a crowd on one machine with the app: each on a connection of its own, and cheap to make.

A client for everything, such as httpx, takes more of a processor for 200 readers than the app takes to write to them.
"""

import asyncio
import json
from collections.abc import AsyncGenerator, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

LINE_MAX_BYTES = 1 << 20
CHUNK_BYTES = 100_000


@dataclass(frozen=True, slots=True)
class Reply:
    """The answer to a request.

    Attributes:
        status: Of HTTP.
        is_chunked: It comes in pieces, as streams of events do, each of them with whole lines.
        reader: What is still to come.
    """

    status: int
    is_chunked: bool
    reader: asyncio.StreamReader

    @property
    def is_error(self) -> bool:
        """Whether the request was refused."""
        return self.status >= 400

    async def lines(self) -> AsyncGenerator[bytes]:
        """Yield the lines of a stream of events, with the sizes of its pieces among them."""
        while line := await self.reader.readline():
            yield line

    async def json(self) -> Any:
        """Read it to its end."""
        body = bytearray()
        while self.is_chunked and (size := int(await self.reader.readline(), 16)):
            body += await self.reader.readexactly(size)
            await self.reader.readline()
        return json.loads(body if self.is_chunked else await self.reader.read())


@dataclass(frozen=True, slots=True)
class Connections:
    """Makes a connection for each request.

    Attributes:
        host: Of the app.
        port: Of the app.
        timeout_s: Seconds for a request until its answer begins.
    """

    host: str
    port: int
    timeout_s: float

    @asynccontextmanager
    async def request(
        self, method: str, path: str, headers: Mapping[str, str] | None = None, content: bytes = b""
    ) -> AsyncGenerator[Reply]:
        """Send a request, and close its connection at the end of the block.

        Args:
            method: Of HTTP.
            path: With its query.
            headers: Beside those that every request has.
            content: Of the request.

        Raises:
            OSError: There is no connection, or it broke.
            TimeoutError: There is no answer.
        """
        async with asyncio.timeout(self.timeout_s):
            reader, writer = await asyncio.open_connection(self.host, self.port, limit=LINE_MAX_BYTES)
        try:
            async with asyncio.timeout(self.timeout_s):
                writer.write(self._head(method, path, headers or {}, len(content)))
                for piece in _pieces(content):
                    writer.write(piece)
                    await writer.drain()
                status = int((await reader.readuntil(b"\r\n")).split(b" ", 2)[1])
                told = b""
                while (line := await reader.readuntil(b"\r\n")) != b"\r\n":
                    told += line.lower()
            yield Reply(status, b"transfer-encoding: chunked" in told, reader)
        finally:
            writer.close()

    def _head(self, method: str, path: str, headers: Mapping[str, str], size_bytes: int) -> bytes:
        usual = {"Host": f"{self.host}:{self.port}", "Connection": "close", "Content-Length": str(size_bytes)}
        told = "".join(f"{name}: {value}\r\n" for name, value in (usual | dict(headers)).items())
        return f"{method} {path} HTTP/1.1\r\n{told}\r\n".encode()


def _pieces(content: bytes) -> Iterator[bytes]:
    return (content[start : start + CHUNK_BYTES] for start in range(0, len(content), CHUNK_BYTES))
