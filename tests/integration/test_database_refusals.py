"""While the database refuses all writes, every service answers 503 and holds its events; then it goes on.

The refusals are those of a full disk and of a primary that stepped down after it had stored the write. Public reports:
https://github.com/alibaba/MongoShake/issues/992 and
https://www.mongodb.com/community/forums/t/failover-test-on-atlas-with-scala-driver-leads-to-an-exception-and-interrupted-processing/108849.
"""

import dataclasses
from collections.abc import AsyncIterator
from typing import Any

import pytest
from integration.service_in_story import EVERY_CONSUMER, STORIES
from structlog.testing import capture_logs

from common.messaging.consumer import Consumer
from common.runtime.service_spec import ServiceSpec
from devkit.servers import ReplicaSetMember, free_port
from devkit.servers.replica_set import initiate
from devkit.testing.events import EventStreams
from devkit.testing.eventually import eventually
from devkit.testing.running import Surroundings, somebody
from devkit.testing.service_samples import sample_requests_of
from marketplace.registry import SERVICES

pytestmark = pytest.mark.slow

REFUSALS: dict[str, dict[str, Any]] = {
    "full disk": {"errorCode": 14031},
    "stored but not confirmed": {"writeConcernError": {"code": 11602, "errmsg": "stepped down"}},
}

FAILOVERS: dict[str, dict[str, Any]] = {
    "not executed": {"errorCode": 10107},
    "executed": {"writeConcernError": {"code": 91, "errmsg": "stepped down"}, "errorLabels": ["RetryableWriteError"]},
}


@pytest.fixture(scope="module")
async def primary(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[ReplicaSetMember]:
    async with ReplicaSetMember(tmp_path_factory.mktemp("mongod"), free_port()) as server:
        await initiate(server)
        yield server


@dataclasses.dataclass(frozen=True)
class Database:
    surroundings: Surroundings
    primary: ReplicaSetMember
    refusal: dict[str, Any]

    async def refuse_writes(self) -> None:
        await self.primary.fail_at("insert", "update", **self.refusal)

    async def accept_writes(self) -> None:
        await self.primary.succeed()


WITH_CHANGES = [each for each in SERVICES if sample_requests_of(each.name).creates_at]


@pytest.fixture(params=list(REFUSALS.values()), ids=list(REFUSALS))
async def database(
    request: pytest.FixtureRequest, surroundings: Surroundings, primary: ReplicaSetMember
) -> AsyncIterator[Database]:
    database = Database(dataclasses.replace(surroundings, mongo_url=primary.url), primary, request.param)
    yield database
    await database.accept_writes()


@pytest.mark.parametrize("service", WITH_CHANGES, ids=lambda spec: spec.name)
async def test_a_change_is_answered_503_and_succeeds_later(service: ServiceSpec, database: Database) -> None:
    on_primary = database.surroundings
    settings, requests = on_primary.settings(service.settings, service.name), sample_requests_of(service.name)
    create = lambda: service.create_app(settings, policy=on_primary.policy)  # noqa: E731
    async with on_primary.running(create, service.consumers) as running:
        client, headers = running.client(somebody()), {"Idempotency-Key": "a-key"}
        await database.refuse_writes()
        refused = await client.post(requests.creates_at, json=dict(requests.body), headers=headers)
        answer = (refused.status_code, refused.headers.get("Retry-After"), refused.json()["type"].split(":")[-1])
        assert answer == (503, "1", "dependency-unavailable")
        await database.accept_writes()
        accepted = await client.post(requests.creates_at, json=dict(requests.body), headers=headers)
        assert accepted.status_code < 500


@pytest.mark.parametrize("failover", FAILOVERS.values(), ids=FAILOVERS)
@pytest.mark.parametrize("service", WITH_CHANGES, ids=lambda spec: spec.name)
async def test_a_change_during_a_failover_is_repeated_and_answered_with_success(
    service: ServiceSpec, failover: dict[str, Any], primary: ReplicaSetMember, surroundings: Surroundings
) -> None:
    """The driver repeats it once, with a number by which the server knows the write. So it is executed once."""
    on_primary = dataclasses.replace(surroundings, mongo_url=primary.url)
    settings, requests = on_primary.settings(service.settings, service.name), sample_requests_of(service.name)
    create = lambda: service.create_app(settings, policy=on_primary.policy)  # noqa: E731
    async with on_primary.running(create, service.consumers) as running:
        client, headers = running.client(somebody()), {"Idempotency-Key": "a-key"}
        await primary.fail_at("insert", "update", times=1, **failover)
        answer = await client.post(requests.creates_at, json=dict(requests.body), headers=headers)
        assert answer.status_code < 500, answer.text


@EVERY_CONSUMER
async def test_an_event_is_held_and_handled_later(
    service: ServiceSpec, consumer: Consumer[Any], database: Database, streams: EventStreams
) -> None:
    """It uses up no delivery: with the policy of these tests, three failures would make a dead letter."""
    on_primary = database.surroundings
    settings, story = on_primary.settings(service.settings, service.name), STORIES[consumer.name]
    create = lambda: service.create_app(settings, policy=on_primary.policy)  # noqa: E731
    async with on_primary.running(create, service.consumers) as running:
        await story.before(running.use_cases)
        await database.refuse_writes()

        async def held_or_dead() -> bool:
            held = [line for line in logs if line["event"] == "dependency unavailable, holding the event"]
            return bool(held) or bool(await streams.dead_letters())

        with capture_logs() as logs:
            for event in story.events:
                await streams.publish_bytes(event.subject, event.to_json().encode())
            await eventually(held_or_dead, what="an event that is held")
        await database.accept_writes()
        await streams.eventually_quiet(*(each.name for each in service.consumers))
        assert await streams.dead_letters() == []
