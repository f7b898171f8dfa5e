"""The connection to NATS.

At the start, the process tries to connect to NATS until it succeeds. Each attempt has a timeout. The log says that the
process is waiting for NATS. If the connection is lost later, the client tries to reconnect until it succeeds.
"""

import asyncio

import structlog
from nats.errors import Error as NatsError
from nats.js import JetStreamContext

from common.domain.errors import DependencyUnavailable
from common.messaging.nats_client import NatsClient
from common.messaging.nats_url import parse_nats_url

log = structlog.get_logger()

_ATTEMPT_SECONDS = 3.0
"""The method connect() of nats-py can hang if the server is down. So we stop each attempt after this time."""
PAUSE_SECONDS = 0.5
"""The pause between two attempts to connect or to reconnect."""
PING_INTERVAL_SECONDS = 5.0
"""The client sends a ping to the server after each interval.

If two pings in a row get no answer, the client reconnects when the third ping is due.
"""
_PING_SECONDS = 1


def inbox_prefix(name: str) -> str:
    """Return the prefix of the subjects on which the client `name` receives answers.

    Only this client has the permission to subscribe to these subjects, so no other client can read the answers.
    """
    return f"_INBOX_{name}"


class Broker:
    """One connection of this process to NATS. The server shows `name` in its list of connections.

    `url` is a NATS_URL. If it has several servers, the client connects to any one of them, and to another one if the
    connection is lost. Raises ValueError if `url` is not valid.
    """

    def __init__(
        self,
        url: str,
        name: str,
        *,
        pause_seconds: float = PAUSE_SECONDS,
        ping_interval_seconds: float = PING_INTERVAL_SECONDS,
    ) -> None:
        self._url = parse_nats_url(url)
        self._name = name
        self._pause_seconds = pause_seconds
        self._ping_interval_seconds = ping_interval_seconds
        self._client: NatsClient | None = None
        self._jetstream: JetStreamContext | None = None
        self._closing = False
        self._reconnected = asyncio.Event()

    @property
    def is_connected(self) -> bool:
        return self._client is not None and self._client.is_connected

    @property
    def is_closed_for_good(self) -> bool:
        """True if the client is closed and does not try to reconnect any more.

        The client should be closed only when the process stops. If it is closed earlier, the process must be restarted.
        """
        return self._client is not None and self._client.is_closed

    @property
    def client(self) -> NatsClient:
        """The connected client of nats-py. Raises DependencyUnavailable if there is no connection now."""
        if self._client is None or not self._client.is_connected:
            raise DependencyUnavailable("The message broker does not answer. Nothing is lost; try again shortly.")
        return self._client

    @property
    def jetstream(self) -> JetStreamContext:
        """The JetStream interface of the client. Raises DependencyUnavailable if there is no connection now."""
        client = self.client
        if self._jetstream is None:
            self._jetstream = client.jetstream(timeout=5)
        return self._jetstream

    def require(self) -> None:
        """Raise DependencyUnavailable if there is no connection now."""
        _ = self.client

    async def ping(self) -> None:
        """Ask the server for an answer. Raise DependencyUnavailable if the server does not answer within one second."""
        try:
            await self.client.flush(timeout=_PING_SECONDS)
        except (NatsError, TimeoutError, OSError) as error:
            raise DependencyUnavailable("The message broker does not answer.") from error

    async def connect(self) -> None:
        """Connect to the server. Wait without limit until the connection is established.

        If the connection is lost later, the client reconnects by itself.
        """
        waiting = False
        while self._client is None:
            client = NatsClient()
            try:
                async with asyncio.timeout(_ATTEMPT_SECONDS):
                    await client.connect(
                        self._url.servers,
                        # nats-py would take user and password from the addresses, but it would not decode them.
                        user=self._url.user if self._url.password is not None else None,
                        password=self._url.password,
                        token=self._url.user if self._url.password is None else None,
                        name=self._name,
                        inbox_prefix=inbox_prefix(self._name),
                        connect_timeout=2,
                        max_reconnect_attempts=-1,  # no limit; by default, the client stops trying after two minutes
                        reconnect_time_wait=self._pause_seconds,  # type: ignore[arg-type] # declared int, float works
                        ping_interval=self._ping_interval_seconds,  # type: ignore[arg-type] # as above
                        error_cb=self._on_error,
                        disconnected_cb=self._on_disconnected,
                        reconnected_cb=self._on_reconnected,
                    )
            except (TimeoutError, OSError, NatsError) as error:
                if not waiting:
                    log.warning(
                        "waiting for NATS", servers=", ".join(self._url.servers), reason=str(error) or "no answer"
                    )
                waiting = True
                await _close(client)
                await asyncio.sleep(self._pause_seconds)
            else:
                self._client = client
        log.info("connected to NATS")

    async def reconnected_within(self, seconds: float) -> bool:
        """Wait until the client has lost the connection and has reconnected, but not longer than `seconds`.

        Return True after a reconnect, and False if there was none in this time. If the client has reconnected between
        two calls of this method, the second call returns True immediately.
        """
        try:
            async with asyncio.timeout(seconds):
                await self._reconnected.wait()
        except TimeoutError:
            return False
        self._reconnected.clear()
        return True

    async def close(self) -> None:
        self._closing = True
        if self._client is not None:
            await _close(self._client)

    async def _on_error(self, error: Exception) -> None:
        # If this client has no permission for a subject, nats-py reports this only to this callback. The code that has
        # used the subject gets no such error. For example, a request without permission ends with a timeout.
        if "permissions violation" in str(error).lower():
            log.error("NATS refused a permission", reason=str(error))
        elif self.is_connected:
            log.warning("NATS reported an error", reason=str(error) or type(error).__name__)

    async def _on_disconnected(self) -> None:
        if not self._closing:
            log.warning("connection to NATS lost, reconnecting")
        if self._client is not None:
            self._client.end_requests()

    async def _on_reconnected(self) -> None:
        log.info("reconnected to NATS")
        self._reconnected.set()


async def _close(client: NatsClient) -> None:
    try:
        async with asyncio.timeout(2):  # close() can hang, just like connect()
            await client.close()
    except (TimeoutError, OSError, NatsError):
        log.debug("connection to NATS did not close in time")
