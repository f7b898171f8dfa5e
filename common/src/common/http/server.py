"""A uvicorn server that can stop without losing a request.

A server cannot safely close an idle HTTP/1.1 connection. At the same moment, the gateway (the proxy through which all
requests come) may be sending a request on this connection. This request would be lost, because the gateway never
repeats a POST request. So the gateway must close the connections, not the server.

When a service stops, it accepts no new connections, but it still answers requests on two kinds of connections:

- The open connections. The service adds `Connection: close` to each response, so that the gateway closes the connection
  after the response. The service also waits until the gateway has closed the idle connections. The gateway does this
  after a short time (see keepalive_timeout in marketplace.gateway).
- The waiting connections. For the gateway, such a connection is already open, because the kernel of the server has
  completed the TCP handshake. But uvicorn has not called accept() yet, so the connection still waits in the kernel.

uvicorn (0.54) has no public API for this. The method `Server.shutdown` closes all idle connections immediately. It also
closes the listening socket, and then the kernel resets the waiting connections. The setting `timeout_graceful_shutdown`
only limits how long uvicorn waits for running requests.

So the class DrainingServer overrides `Server.shutdown`. It uses the following attributes of uvicorn. They are not
documented, but their names do not begin with an underscore. If an update of uvicorn changes one of them, the tests in
common/tests/integration/http/test_server.py fail:

- `Server.servers`: the asyncio servers that listen
- `Server.server_state.connections`: the open connections
- `Server.server_state.default_headers`: the headers that uvicorn adds to each response
- `Server.config.http_protocol_class` and `Server.lifespan.state`: uvicorn uses both to make the object that serves one
  connection (asyncio calls it a protocol). DrainingServer makes such an object for each waiting connection in the same
  way, so that uvicorn also answers the requests on these connections
"""

import asyncio
import os
import socket
import time
from collections.abc import Callable

import uvicorn

IDLE_SECONDS = 1
"""The gateway (the proxy before the services) closes a connection to a service if it was idle for this time.

The gateway does not read this constant. Its configuration must contain the same value.
"""
DRAIN_SECONDS = 2
"""When a server stops, it waits for at most this time until the gateway has closed the connections.

After this time, the server closes the remaining connections itself. If the gateway is sending a request on one of them
at this moment, this request is lost.
"""

_POLL_SECONDS = 0.02


class DrainingServer(uvicorn.Server):
    """A uvicorn server. Before it stops, it waits for up to DRAIN_SECONDS until the gateway has closed all connections.

    If the server closed the connections itself, it could lose a request that the gateway is sending at this moment.
    """

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.begin_drain: Callable[[], None] = lambda: None
        """The server calls it when it stops. It must end the answers that have no end of their own."""

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        await self._stop_listening()
        self.begin_drain()
        self.server_state.default_headers.append((b"connection", b"close"))
        deadline = time.monotonic() + DRAIN_SECONDS
        while self.server_state.connections and time.monotonic() < deadline:  # noqa: ASYNC110 - uvicorn has no event that we could wait for
            await asyncio.sleep(_POLL_SECONDS)
        await super().shutdown(sockets)

    async def _stop_listening(self) -> None:
        """Stop listening, but serve the connections that are waiting in the kernel.

        If we only closed the listening socket, the kernel would reset these connections. So we first duplicate the file
        descriptor of the socket. Then `server.close()` closes only uvicorn's descriptor, and the socket stays open.
        With our descriptor, we accept all waiting connections, and then we close it. There must be no `await` between
        the last accept and this close. Otherwise another connection could arrive in this time and would be reset.
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
        """Make the object that serves one connection, in the same way as uvicorn does."""
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
