"""A minimal HTTP/1.1 client with keep-alive.

It needs less CPU time than a complete HTTP client. So a measurement is limited by the server, and not by the client.
"""

import asyncio
import json
from collections.abc import Sequence
from typing import Any, Self

_HOST = "127.0.0.1"
_ANSWER_SECONDS = 30.0
_HEAD_ENDS = b"\r\n\r\n"
_CLOSES = b"connection: close"
_LENGTH = b"content-length:"


def encode(method: str, path: str, token: str = "", body: bytes = b"", headers: Sequence[str] = ()) -> bytes:
    """Return the HTTP request as bytes. `headers` are whole lines, such as "Accept: text/html".

    The load generator encodes all its requests before the measurement starts, so that this work is not measured.
    """
    lines = [f"{method} {path} HTTP/1.1", f"Host: {_HOST}", *headers]
    if token:
        lines.append(f"Authorization: Bearer {token}")
    if body:
        lines += ["Content-Type: application/json", f"Content-Length: {len(body)}"]
    return "\r\n".join([*lines, "", ""]).encode() + body


class Connection:
    """A connection to one port of this machine. It sends one request at a time.

    If a response says that the server closes the connection, the next request opens a new connection. For example,
    nginx closes a connection after 1,000 requests.
    """

    def __init__(self, port: int) -> None:
        self._port = port
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def open(self) -> Self:
        self._streams = await asyncio.open_connection(_HOST, self._port)
        return self

    async def ask(self, request: bytes) -> tuple[int, bytes]:
        """Send the request, and return the status and the body of the answer.

        Raises OSError, asyncio.IncompleteReadError or TimeoutError if there is no complete answer.
        """
        async with asyncio.timeout(_ANSWER_SECONDS):
            if self._streams is None:
                await self.open()
            assert self._streams is not None  # noqa: S101 - for the type checker
            reader, writer = self._streams
            writer.write(request)
            head = (await reader.readuntil(_HEAD_ENDS)).lower()
            _, _, rest = head.partition(_LENGTH)
            body = await reader.readexactly(int(rest.partition(b"\r\n")[0])) if rest else b""
        if _CLOSES in head:
            self.close()
        return int(head[9:12]), body

    async def ask_json(self, method: str, path: str, *, token: str = "", body: Any = None) -> Any:  # noqa: ANN401
        """Send a request that prepares a measurement, and return the parsed JSON body of the answer.

        Raises RuntimeError if the status of the answer is not a success.
        """
        data = json.dumps(body).encode() if body is not None else b""
        status, answer = await self.ask(encode(method, path, token, data))
        if status >= 300:  # noqa: PLR2004 - in HTTP, 200 to 299 are successes
            raise RuntimeError(f"{method} {path}: {status} {answer.decode(errors='replace')[:300]}")
        return json.loads(answer) if answer else None

    def close(self) -> None:
        if self._streams is not None:
            self._streams[1].close()
            self._streams = None
