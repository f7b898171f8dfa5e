"""Members of a MongoDB replica set on this machine."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bson import decode_all
from pymongo import MongoClient
from pymongo.errors import OperationFailure, PyMongoError

from devkit.servers.member_network import MemberNetwork
from devkit.servers.mongod import Mongod
from devkit.servers.ports import free_port
from devkit.testing.eventually import eventually

_TIMEOUT_MS = 5000
_ELECTION_SECONDS = 30.0


class ReplicaSetMember(Mongod):
    """A member of the replica set "rs". A test can let its commands fail.

    Clients and the other members connect to `known_port`. It is the port of mongod, or of a proxy before it.
    """

    def __init__(self, data_dir: Path, port: int, known_port: int | None = None) -> None:
        super().__init__(data_dir, port)
        self.known_port = known_port or port
        self.members = [self.known_port]
        """The ports at which all members of the set are known."""

    @property
    def url(self) -> str:
        return f"mongodb://{','.join(f'127.0.0.1:{port}' for port in self.members)}/?replicaSet=rs"

    def command(self) -> list[str]:
        return [
            *super().command(),
            *("--replSet", "rs", "--oplogSize", "64"),
            *("--setParameter", "enableTestCommands=1"),
        ]

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
            with MongoClient[dict[str, Any]](
                "127.0.0.1", self.port, directConnection=True, serverSelectionTimeoutMS=_TIMEOUT_MS
            ) as client:
                return client.admin.command(command, value, **more)

        return await asyncio.to_thread(ask)

    def documents_rolled_back(self) -> int:
        """Count the documents that mongod saved to files when it undid writes that no majority had stored."""
        return sum(len(decode_all(file.read_bytes())) for file in self.data_dir.glob("rollback/*/*.bson"))


@dataclass(frozen=True)
class Primary:
    member: ReplicaSetMember
    term: int
    """The number of the election that this member has won. Each election has a greater number."""


@dataclass(frozen=True)
class ReplicaSet:
    members: Sequence[ReplicaSetMember]
    network: MemberNetwork

    @property
    def url(self) -> str:
        return self.members[0].url

    async def primary(self, *, after_term: int = 0) -> Primary:
        """Wait until a member reports that it has won an election after this term, and return it."""
        found = await eventually(
            self._newest_primary,
            until=lambda newest: newest is not None and newest.term > after_term,
            within=_ELECTION_SECONDS,
            what=f"a primary elected after term {after_term}",
        )
        assert found is not None  # noqa: S101 - `until` has checked it
        return found

    async def until_all_follow(self) -> None:
        """Wait until each running member is the primary or a secondary."""
        await asyncio.gather(*(_until_it_follows(member) for member in self.members if member.is_running))

    async def _newest_primary(self) -> Primary | None:
        running = [member for member in self.members if member.is_running]
        answers = await asyncio.gather(*(_primary_if_it_is(member) for member in running))
        return max(filter(None, answers), key=lambda primary: primary.term, default=None)


async def _primary_if_it_is(member: ReplicaSetMember) -> Primary | None:
    try:
        answer = await member.ask("hello")
    except PyMongoError:
        return None
    # The last eight of the 24 digits of an election's id are the term.
    return Primary(member, int(str(answer["electionId"])[-8:], 16)) if answer["isWritablePrimary"] else None


async def _until_it_follows(member: ReplicaSetMember) -> None:
    await eventually(
        lambda: member.ask("hello"),
        until=lambda seen: seen["isWritablePrimary"] or seen["secondary"],
        within=_ELECTION_SECONDS,
        what="a member that is the primary or a secondary",
    )


async def initiate(*members: ReplicaSetMember) -> None:
    """Make a replica set of the running members, and wait until the first of them is the primary."""
    ports = [member.known_port for member in members]
    for member in members:
        member.members = ports
    described = [{"_id": number, "host": f"127.0.0.1:{port}"} for number, port in enumerate(ports)]
    await members[0].ask("replSetInitiate", {"_id": "rs", "members": described})

    async def stand_for_election() -> Any:  # noqa: ANN401 - an answer of MongoDB
        if len(members) > 1:  # otherwise the first election takes place after 10 s
            with suppress(OperationFailure):
                await members[0].ask("replSetStepUp")
        return await members[0].ask("hello")

    await eventually(
        stand_for_election, until=lambda seen: seen["isWritablePrimary"], within=_ELECTION_SECONDS, what="a primary"
    )


@asynccontextmanager
async def replica_set_of_three(folder: Path) -> AsyncIterator[ReplicaSet]:
    """Run three members, which reach each other through a network that a test can cut."""
    first = free_port(in_a_row=6)
    members = [ReplicaSetMember(folder / f"member-{n}", first + n, known_port=first + 3 + n) for n in range(3)]
    async with AsyncExitStack() as stack:
        network = await stack.enter_async_context(MemberNetwork({each.known_port: each.port for each in members}))
        for member in members:
            stack.push_async_callback(member.kill)
        await asyncio.gather(*(member.start() for member in members))
        await initiate(*members)
        yield ReplicaSet(members, network)
