"""A uvicorn server that stops without losing a request.

A server cannot close an idle HTTP/1.1 connection safely: the gateway may be sending a request on it at this moment, and
it never repeats a POST. Therefore the gateway has to close the connections. A service that stops accepts no new
connections, keeps answering on the existing ones, adds `Connection: close` to each response, and gives the gateway time
to close the idle ones (its keepalive_timeout, see marketplace.gateway).

uvicorn (0.54) has no public API for this. Its `shutdown` closes all idle connections at once, and resets those that the
kernel has accepted and uvicorn has not; `timeout_graceful_shutdown` only limits how long it waits for running requests.
So this class overrides `Server.shutdown`, and relies on these undocumented attributes, none of which is private by its
name. test_http_draining.py fails if an update of uvicorn changes one of them:

- `Server.servers`: the asyncio servers that listen
- `Server.server_state.connections`: the open connections
- `Server.server_state.default_headers`: the headers that uvicorn adds to each response
- `Server.config.http_protocol_class` and `Server.lifespan.state`: with them uvicorn makes the protocol of a connection,
  and so does this class for the connections that only the kernel has accepted
"""

import asyncio
import os
import socket
import time

import uvicorn

IDLE_SECONDS = 1
"""A gateway must close a connection that has been idle for so long."""
DRAIN_SECONDS = 2
"""How long a server that stops waits for its connections. Then it closes them, and may lose a request."""

_POLL_SECONDS = 0.02


class DrainingServer(uvicorn.Server):
    """Drains its connections before it stops."""

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        await self._stop_listening()
        self.server_state.default_headers.append((b"connection", b"close"))
        deadline = time.monotonic() + DRAIN_SECONDS
        while self.server_state.connections and time.monotonic() < deadline:  # noqa: ASYNC110 - uvicorn reports no event for this, and polls itself
            await asyncio.sleep(_POLL_SECONDS)
        await super().shutdown(sockets)

    async def _stop_listening(self) -> None:
        """Stop listening, and serve the connections that the kernel has accepted already: a close would reset them.

        A duplicate of the socket keeps it open after the event loop has closed its own. There is no `await` between the
        last accept, which finds no connection, and the close of the duplicate.
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
        return make(config=self.config, server_state=self.server_state, app_state=self.lifespan.state)  # type: ignore[call-arg] # uvicorn calls it with the same arguments


def _accept_all(listening: socket.socket) -> list[socket.socket]:
    accepted: list[socket.socket] = []
    while True:
        try:
            connection, _ = listening.accept()
        except BlockingIOError:
            return accepted
        accepted.append(connection)
