"""The connection to NATS: never gives up, never hangs, and says in the log what it waits for."""

import asyncio

import structlog
from nats.aio.client import Client
from nats.errors import Error as NatsError
from nats.js import JetStreamContext

from common.domain.errors import DependencyUnavailable
from common.storage.server_probe import ServerProbe

log = structlog.get_logger()

# connect() can hang on a server that is down, so an attempt is bounded and repeated (facts: nats-py).
_ATTEMPT_SECONDS = 3.0
_PAUSE_SECONDS = 0.5
_PING_SECONDS = 1.0
_ANY_LENGTH = 86_400


def inbox_prefix(name: str) -> str:
    """Where the answers to this client's requests go: to a place of its own, where no other may listen."""
    return f"_INBOX_{name}"


class Broker:
    def __init__(self, url: str, name: str) -> None:
        self._url = url
        self._name = name
        self._client: Client | None = None
        self._jetstream: JetStreamContext | None = None
        self._closing = False
        self._reconnected = asyncio.Event()
        self._probe = ServerProbe(self._flush)

    @property
    def is_connected(self) -> bool:
        return self._client is not None and self._client.is_connected

    @property
    def is_closed_for_good(self) -> bool:
        """The client gave up, which it must never do: the process should be started again."""
        return self._client is not None and self._client.is_closed

    @property
    def client(self) -> Client:
        """Raises DependencyUnavailable while there is no connection."""
        if self._client is None or not self._client.is_connected:
            raise DependencyUnavailable("The message broker does not answer. Nothing is lost; try again shortly.")
        return self._client

    @property
    def jetstream(self) -> JetStreamContext:
        """Raises DependencyUnavailable while there is no connection."""
        client = self.client
        if self._jetstream is None:
            self._jetstream = client.jetstream(timeout=5)
        return self._jetstream

    def require(self) -> None:
        """Raise DependencyUnavailable while there is no connection."""
        _ = self.client

    async def ping(self) -> None:
        """Raise DependencyUnavailable unless the server answers within a second."""
        self.require()
        if not await self._probe.answers(_PING_SECONDS):
            raise DependencyUnavailable("The message broker does not answer.")

    async def connect(self) -> None:
        """Return once connected, however long that takes. From then on the client reconnects by itself."""
        waiting = False
        while self._client is None:
            client = Client()
            try:
                async with asyncio.timeout(_ATTEMPT_SECONDS):
                    await client.connect(
                        self._url,
                        name=self._name,
                        inbox_prefix=inbox_prefix(self._name),
                        connect_timeout=2,
                        max_reconnect_attempts=-1,  # the default gives up for good after two minutes
                        reconnect_time_wait=0.5,  # type: ignore[arg-type] # declared int, but only slept on
                        ping_interval=5,  # a dead peer is noticed after three of them, not after minutes
                        error_cb=self._on_error,
                        disconnected_cb=self._on_disconnected,
                        reconnected_cb=self._on_reconnected,
                    )
            except (TimeoutError, OSError, NatsError) as error:
                if not waiting:
                    log.warning(
                        "waiting for NATS", server=_without_secrets(self._url), reason=str(error) or "no answer"
                    )
                waiting = True
                await _close(client)
                await asyncio.sleep(_PAUSE_SECONDS)
            else:
                self._client = client
        log.info("connected to NATS")

    async def reconnected_within(self, seconds: float) -> bool:
        """Wait so long; True, and at once, if the connection was lost and has come back."""
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
        self._probe.forget()

    async def _flush(self) -> None:
        await self.client.flush(timeout=_ANY_LENGTH)

    async def _on_error(self, error: Exception) -> None:
        # A refused permission shows only here: the caller sees a time-out.
        if "permissions violation" in str(error).lower():
            log.error("NATS refused a permission", reason=str(error))
        elif self.is_connected:
            log.warning("NATS reported an error", reason=str(error) or type(error).__name__)

    async def _on_disconnected(self) -> None:
        if not self._closing:
            log.warning("lost NATS, reconnecting")

    async def _on_reconnected(self) -> None:
        log.info("connected to NATS again")
        self._probe.forget()  # its answer was lost with the old connection
        self._reconnected.set()


async def _close(client: Client) -> None:
    try:
        async with asyncio.timeout(2):  # closing can hang as well
            await client.close()
    except (TimeoutError, OSError, NatsError):
        log.debug("NATS connection did not close in time")


def _without_secrets(url: str) -> str:
    return url.rpartition("@")[2]
