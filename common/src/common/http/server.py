"""A uvicorn server that stops without losing a request.

The trap: in HTTP/1.1, a server that closes an idle connection cannot know whether the client is sending a request on it
at the same moment, and a gateway never repeats a POST that it has sent. So the client has to close. A service that
stops accepts no new connections, still answers on those that it has, with the header `Connection: close`, and waits
until the gateway has closed its idle connections (its keepalive_timeout, see marketplace.gateway).
"""

import asyncio
import os
import socket
import time

import uvicorn

IDLE_SECONDS = 1
"""A gateway has to close a connection that was idle for this long."""
DRAIN_SECONDS = 2
"""How long the server waits for connections to be closed. After that it closes them, and may lose a request."""

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
        """Stop accepting connections. Those that the kernel has accepted already are served, not reset.

        First the event loop closes its socket, while a duplicate keeps it listening. Then all waiting connections are
        accepted from the duplicate, and it is closed. There is no await between the last accept, which finds no
        connection, and the close, so none can be lost between the two.
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
        """Make the protocol of a connection, as uvicorn does."""
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
