"""Members of a MongoDB replica set on this machine."""

import asyncio
from pathlib import Path
from typing import Any

from pymongo import MongoClient

from devkit.servers.mongod import Mongod
from devkit.testing.eventually import eventually


class ReplicaSetMember(Mongod):
    """A member of the replica set "rs". A test can let its commands fail."""

    def __init__(self, data_dir: Path, port: int) -> None:
        super().__init__(data_dir, port)
        self.members = [port]
        """The ports of all members of the set."""

    @property
    def url(self) -> str:
        return f"mongodb://{','.join(f'127.0.0.1:{port}' for port in self.members)}/?replicaSet=rs"

    def command(self) -> list[str]:
        return [*super().command(), "--replSet", "rs", "--setParameter", "enableTestCommands=1"]

    async def fail_at(self, *commands: str, times: int | None = None, **how: Any) -> None:  # noqa: ANN401 - any option
        """Let these commands fail, `times` times or until `succeed` is called.

        `how` says how they fail, with the options of the fail point "failCommand", for example `errorCode=14031`.
        """
        mode: Any = {"times": times} if times else "alwaysOn"
        await self.ask("configureFailPoint", "failCommand", mode=mode, data={"failCommands": list(commands), **how})

    async def succeed(self) -> None:
        await self.ask("configureFailPoint", "failCommand", mode="off")

    async def ask(self, command: str, value: object = 1, **more: Any) -> Any:  # noqa: ANN401 - any command and answer
        """Send a command to this member, whatever its state is, and return the answer."""

        def ask() -> Any:  # noqa: ANN401
            with MongoClient[dict[str, Any]]("127.0.0.1", self.port, directConnection=True) as client:
                return client.admin.command(command, value, **more)

        return await asyncio.to_thread(ask)


async def initiate(*members: ReplicaSetMember) -> None:
    """Make a replica set of the running members, and wait until the first of them is the primary."""
    ports = [member.port for member in members]
    for member in members:
        member.members = ports
    described = [{"_id": number, "host": f"127.0.0.1:{port}"} for number, port in enumerate(ports)]
    await members[0].ask("replSetInitiate", {"_id": "rs", "members": described})
    await eventually(
        lambda: members[0].ask("hello"), until=lambda seen: seen["isWritablePrimary"], within=30, what="a primary"
    )
