"""The network between the members of a replica set: proxies through which all connections pass."""

import asyncio
import re
from collections.abc import Mapping
from contextlib import suppress
from typing import Self

_CHUNK = 65536
# A mongod with enableTestCommands=1 names itself in the first message of each connection that it makes, for MongoDB's
# own test proxy (mongobridge). The name is a string of BSON: the type 2, the field, the length, the text.
_SENDER = re.compile(rb"\x02hostInfo\x00.{4}[^\x00]*:(\d+)\x00", re.DOTALL)

Ends = frozenset[int]
"""The ports of the two mongods of a connection between members. The connection of a client has no ends."""


class MemberNetwork:
    """Listens on the port at which each member is known, and passes all bytes on to the port of its mongod.

    It can cut a member off from the other members: it closes the connections between them, and refuses new ones.
    Clients still reach each member. `ports` maps the known port of each member to the port of its mongod.
    """

    def __init__(self, ports: Mapping[int, int]) -> None:
        self._ports = ports
        self._cut_off: int | None = None
        self._servers: list[asyncio.Server] = []
        self._connections: dict[asyncio.Task[None], Ends] = {}

    def cut_off(self, port: int) -> None:
        """Cut off the member whose mongod listens on this port."""
        self._cut_off = port
        for connection, ends in self._connections.items():
            if port in ends:
                connection.cancel()

    def repair(self) -> None:
        self._cut_off = None

    async def __aenter__(self) -> Self:
        self._servers = [await asyncio.start_server(self._accept, "127.0.0.1", port) for port in self._ports]
        return self

    async def __aexit__(self, *_: object) -> None:
        for server in self._servers:
            server.close()
        for connection in self._connections:
            connection.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = asyncio.create_task(self._connect(reader, writer))
        self._connections[connection] = Ends()
        connection.add_done_callback(self._connections.pop)

    async def _connect(self, from_sender: asyncio.StreamReader, to_sender: asyncio.StreamWriter) -> None:
        target = self._ports[to_sender.get_extra_info("sockname")[1]]
        # A connection ends with one of these errors if a mongod is killed, or does not listen.
        with suppress(OSError, asyncio.IncompleteReadError):
            try:
                size = await from_sender.readexactly(4)
                first = size + await from_sender.readexactly(int.from_bytes(size, "little") - len(size))
                ends = Ends({int(sender[1]), target}) if (sender := _SENDER.search(first)) else Ends()
                if self._cut_off in ends:
                    return
                self._connections[_this_task()] = ends
                from_target, to_target = await asyncio.open_connection("127.0.0.1", target)
                to_target.write(first)
                await asyncio.gather(_pass_on(from_sender, to_target), _pass_on(from_target, to_sender))
            finally:
                to_sender.close()


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(_CHUNK):
            writer.write(data)
            await writer.drain()
    finally:
        writer.close()


def _this_task() -> asyncio.Task[None]:
    task = asyncio.current_task()
    assert task is not None  # noqa: S101 - a coroutine runs in a task
    return task
