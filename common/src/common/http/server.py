"""uvicorn, stopping without cutting off a request that is on its way.

HTTP/1.1 cannot close an idle connection and be sure that the other side is not sending on it at this very moment, and
a gateway never repeats a POST that it has sent. So the side that may send has to be the one that closes: a service that
is told to stop takes no new connections, goes on answering on those it has, says `Connection: close` with each answer,
and gives the gateway the time to close those that it does not use (its keepalive_timeout, see marketplace.gateway).
"""

import asyncio
import os
import socket
import time

import uvicorn

IDLE_SECONDS = 1
"""A gateway has to close a connection that it has not used for so long."""
DRAIN_SECONDS = 2
"""The longest that a connection is waited for; whoever keeps an idle one beyond that may meet its end."""

_POLL_SECONDS = 0.02


class DrainingServer(uvicorn.Server):
    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        await self._stop_listening()
        self.server_state.default_headers.append((b"connection", b"close"))
        deadline = time.monotonic() + DRAIN_SECONDS
        while self.server_state.connections and time.monotonic() < deadline:  # noqa: ASYNC110 - as uvicorn does
            await asyncio.sleep(_POLL_SECONDS)
        await super().shutdown(sockets)

    async def _stop_listening(self) -> None:
        """Take what the kernel has accepted for us already; closing the socket would reset those connections.

        The event loop lets go of the socket first, and a duplicate of it keeps it listening meanwhile. Nothing is
        awaited between the last accept, which finds nobody, and the close.
        """
        for server in self.servers:
            listening = [socket.socket(fileno=os.dup(each.fileno())) for each in server.sockets]
            server.close()
            for each in listening:
                each.setblocking(False)
                waiting = _accept_all(each)
                each.close()
                for connection in waiting:
                    await asyncio.get_running_loop().connect_accepted_socket(self._protocol, connection)

    def _protocol(self) -> asyncio.Protocol:
        """As uvicorn makes them."""
        make = self.config.http_protocol_class
        return make(config=self.config, server_state=self.server_state, app_state=self.lifespan.state)  # type: ignore[call-arg] # as in uvicorn


def _accept_all(listening: socket.socket) -> list[socket.socket]:
    accepted: list[socket.socket] = []
    while True:
        try:
            connection, _ = listening.accept()
        except BlockingIOError:
            return accepted
        accepted.append(connection)
