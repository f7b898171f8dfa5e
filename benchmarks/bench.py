"""The class `Bench`, which contains what all measurements of a run share.

The function `measure` of each module in benchmarks.rows receives a `Bench`. It contains the running platform, the
running baseline programs (minimal programs with which we compare the platform), and the size of the run.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.baseline import STREAM as BASELINE
from benchmarks.baseline_server import BaselineServer
from benchmarks.client import Connection
from benchmarks.plots import Plot
from benchmarks.processes import resident, resident_of
from common.domain.ids import UserId, new_id
from common.domain.tokens import SignedInUser
from common.messaging.streams import STREAMS
from common.storage.collection import Collection
from common.storage.mongo import Mongo, MongoDriver
from devkit.servers import free_port
from devkit.testing.tokens import TokenSigner
from marketplace.keys import load_or_create_keys
from marketplace.operations.operator import Operator, operator
from marketplace.platform import Platform
from marketplace.ports import port_of
from marketplace.registry import SERVICES
from marketplace.settings import PlatformSettings

AGGREGATES = {spec.name: owned.collection for spec in SERVICES for owned in spec.aggregates}
"""For each service, the name of the collection that contains its aggregates (its main objects, such as orders)."""
BASELINE_CONSUMERS = 4
_EVENTS = tuple(each.name for each in STREAMS)
_LISTING_AT_ONCE = 32
_POLL_SECONDS = 0.02
_QUIET_WITHIN_SECONDS = 180.0


@dataclass
class Bench:
    platform: Platform
    operator: Operator
    signer: TokenSigner
    baseline: BaselineServer
    baseline_mongo: Mongo
    rounds: int
    smoke: bool
    idle_memory: dict[str, float]
    """The memory of each service right after the start, in MiB."""
    idle_baseline: float
    """The memory of the baseline program, with which we compare the platform, right after its start, in MiB."""
    progress: Callable[[str], None] = lambda _what: None
    peak: float | None = None
    """How many orders per second the orders service places if it gets the requests directly, without the gateway.

    None if this is not measured yet. Other measurements need this number. For example, benchmarks.rows.hold sends half
    as many orders per second.
    """
    plots: list[Plot] = field(default_factory=list)
    """The plots of the rows that have been measured so far."""

    def size(self, full: int, smoke: int) -> int:
        return smoke if self.smoke else full

    def port(self, name: str) -> int:
        return port_of(name, self.platform.settings.gateway_port)

    def new_token(self) -> str:
        """Return a signed token for a new user id.

        We need no request to the auth service, because the other services only verify the token with the public key.
        """
        user = new_id()
        return self.signer.sign(SignedInUser(UserId(user), f"{user}@example.com"))

    def collection(self, service: str, name: str | None = None) -> Collection:
        return self.operator.databases[service][name or AGGREGATES[service]]

    async def tickets(self, count: int) -> list[str]:
        """Create `count` tickets through the API of the tickets service. Return their ids.

        The method returns after the services have handled the events of all these tickets.
        """
        token = self.new_token()
        listed: list[str] = []

        async def seller(connection: Connection, many: int) -> None:
            for _ in range(many):
                ticket = await connection.ask_json(
                    "POST", "/api/tickets", token=token, body={"title": "Concert", "price": 19.99}
                )
                listed.append(ticket["id"])
            connection.close()

        share, rest = divmod(count, _LISTING_AT_ONCE)
        shares = [share + (number < rest) for number in range(_LISTING_AT_ONCE)]
        await asyncio.gather(*(seller(Connection(self.port("tickets")), each) for each in shares if each))
        await self.wait_until_idle()
        return listed

    async def published(self, *services: str) -> float:
        """Wait until these services have published all their events. Return the time at which we have noticed this.

        An unpublished event is in an outbox in the database, so we wait until all outboxes are empty.
        """
        collections = [self.collection(service) for service in services]
        return await until_cleared(collections)

    async def wait_until_idle(self) -> None:
        """Wait until every outbox is empty (all events are published) and every event is handled.

        If we did not wait, the remaining work of one round would slow down the next round.
        """
        deadline = time.monotonic() + _QUIET_WITHIN_SECONDS
        while True:
            await self.published(*AGGREGATES)
            if not await self.backlog() and not await self._staged():
                return
            if time.monotonic() > deadline:
                raise TimeoutError(f"{await self.backlog()} events are still not handled")
            await asyncio.sleep(_POLL_SECONDS)

    async def wait_until_baseline_idle(self) -> None:
        """Wait until the baseline program has published all events, and its consumers have handled them.

        The baseline program is the minimal program with which we compare the platform.
        """
        database = self.baseline_mongo.database
        async with asyncio.timeout(_QUIET_WITHIN_SECONDS):
            while await self.backlog([BASELINE]):  # noqa: ASYNC110 - NATS does not report this, so we have to poll
                await asyncio.sleep(_POLL_SECONDS)
            await until_cleared([database["orders"], database["tickets"]])

    async def backlog(self, streams: Sequence[str] = _EVENTS) -> int:
        """Return how many events the consumers of these streams have not acknowledged yet.

        An event counts once for each consumer that has not acknowledged it.
        """
        jetstream = self.operator.broker.jetstream
        infos = [info for stream in streams for info in await jetstream.consumers_info(stream)]
        return sum((info.num_pending or 0) + (info.num_ack_pending or 0) for info in infos)

    async def _staged(self) -> int:
        return sum([await _staged_in(self.collection(service)) for service in AGGREGATES])


async def _staged_in(collection: Collection) -> int:
    return await collection.count_documents({"outbox.id": {"$exists": True}})


async def until_cleared(collections: Iterable[Collection]) -> float:
    deadline = time.monotonic() + _QUIET_WITHIN_SECONDS
    for collection in collections:
        while await _staged_in(collection):
            if time.monotonic() > deadline:
                raise TimeoutError(f"the outboxes of {collection.name} are not empty")
            await asyncio.sleep(_POLL_SECONDS)
    return time.monotonic()


def settings_in(folder: Path, driver: MongoDriver) -> PlatformSettings:
    """Return the settings of a platform that stores its data in `folder`.

    Most settings are the defaults of `make run`, the command with which a user starts the platform. But the ports are
    free ports, and orders expire after a day and not after 15 minutes. So the orders of one measurement do not expire
    during another measurement. The environment variables do not change these settings.
    """
    return PlatformSettings(
        gateway_port=free_port(in_a_row=40),
        data_dir=folder,
        mongo_driver=driver,
        order_window_seconds=86_400,
        mongo_url=None,
        nats_url=None,
        stripe_key=None,
        log_level="info",
        log_format="text",
    )


@asynccontextmanager
async def open_bench(folder: Path, *, driver: MongoDriver, rounds: int, smoke: bool) -> AsyncIterator[Bench]:
    """Start a new platform and the baseline programs, which are minimal programs with which we compare the platform.

    The platform and the baseline programs use the same MongoDB and NATS servers.
    """
    settings = settings_in(folder, driver)
    async with Platform(settings) as platform, operator(settings) as connection:
        keys = load_or_create_keys(folder / "keys")
        baseline = BaselineServer(
            free_port(), folder, mongo_url=platform.mongo_url, nats_url=platform.nats_url, keys=keys, driver=driver
        )
        mongo = Mongo(platform.mongo_url, "baseline", driver)
        async with baseline:
            try:
                baseline.start_consumers()
                await _until_bound(connection)
                signer = TokenSigner(keys.private)
                idle, idle_baseline = resident(platform), resident_of(baseline.pid)
                yield Bench(platform, connection, signer, baseline, mongo, rounds, smoke, idle, idle_baseline)
            finally:
                await baseline.consumers.stop()
                await mongo.close()


async def _until_bound(connection: Operator) -> None:
    async with asyncio.timeout(_QUIET_WITHIN_SECONDS):
        bound = 0
        while bound < BASELINE_CONSUMERS:
            await asyncio.sleep(_POLL_SECONDS)
            bound = len(await connection.broker.jetstream.consumers_info(BASELINE))
