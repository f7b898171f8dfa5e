"""Services whose MongoDB or NATS is missing, stops or hangs: they refuse requests, and recover without a restart."""

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial

import pytest
from common.tests.platform_in_process import DRIVERS, Platform, RunningInstance
from fastapi import FastAPI
from nats.js import JetStreamContext
from pymongo.errors import AutoReconnect, OperationFailure

import tickets.consumers
import tickets.main
from common.events.tickets import TicketCreated
from common.events.users import UserRegistered
from common.messaging.streams import DOMAIN_EVENTS, GENERAL_EVENTS, STREAMS
from devkit.servers.server import Server
from devkit.testing.eventually import eventually
from devkit.testing.problem_details import assert_problem
from devkit.testing.running import Surroundings, somebody
from marketplace.provisioning import provision_everything
from tickets.settings import TicketsSettings

pytestmark = pytest.mark.slow

NO_DATABASE = "The database does not answer."
NO_BROKER = "The message broker does not answer."


async def kill(server: Server) -> None:
    await server.kill()


async def pause(server: Server) -> None:
    server.pause()


async def resume(server: Server) -> None:
    server.resume()


async def test_a_service_that_starts_before_its_dependencies_waits_for_them(platform: Platform) -> None:
    await platform.mongod.stop()
    await platform.nats.stop()
    async with platform.run_services() as instances:
        for each, answer in (await instances.send(RunningInstance.live)).items():
            assert answer.status_code == 200, f"{each} is alive: a restart would not help"
        for each, answer in (await instances.send(RunningInstance.ready)).items():
            assert NO_DATABASE in assert_problem(answer, 503, f"{each}, ready")["detail"], each
        await platform.mongod.start()
        await instances.eventually_degraded(saying=NO_BROKER)
        await platform.nats.start()
        await instances.eventually_ready(within=3)
        for each, answer in (await instances.send(RunningInstance.read)).items():
            assert answer.status_code == each.service.requests.read_status, f"{each}: {answer.text}"


@pytest.mark.parametrize(("lose", "bring_back"), [(kill, Server.start), (pause, resume)], ids=["killed", "paused"])
async def test_without_mongodb_services_answer_503_within_5_s_and_recover_within_3_s(
    platform: Platform, lose: Callable[[Server], Awaitable[None]], bring_back: Callable[[Server], Awaitable[None]]
) -> None:
    async with platform.run_services() as instances:
        await instances.eventually_ready(within=10)
        await lose(platform.mongod)
        requests = {"read": RunningInstance.read, "change": RunningInstance.create}
        async with asyncio.timeout(5):
            answers = await asyncio.gather(*(instances.creating.send(request) for request in requests.values()))
        for what, answered in zip(requests, answers, strict=True):
            for each, answer in answered.items():
                assert_problem(answer, 503, f"{each}, {what}")
        for each, answer in (await instances.send(RunningInstance.live, within=1)).items():
            assert answer.status_code == 200, f"{each} is alive: a restart would not help"
        for each, answer in (await instances.send(RunningInstance.ready, within=3)).items():
            assert (answer.status_code, answer.json()["status"]) == (200, "degraded"), f"{each}: {answer.text}"

        await bring_back(platform.mongod)
        await instances.eventually_ready(within=3)
        for each, answer in (await instances.send(RunningInstance.read)).items():
            assert answer.status_code == each.service.requests.read_status, f"{each}: {answer.text}"
        for each, answer in (await instances.of("auth", "tickets").send(RunningInstance.create)).items():
            assert answer.status_code == 201, f"{each}: {answer.text}"


@pytest.mark.parametrize("killed", [True, False], ids=["killed", "paused"])
async def test_without_nats_services_refuse_changes_serve_reads_and_lose_no_event(
    platform: Platform, *, killed: bool
) -> None:
    async with platform.run_services() as instances:
        await instances.eventually_ready(within=10)
        await pause(platform.nats)  # no instance can have noticed it yet
        changes = await instances.of("auth", "tickets").send(RunningInstance.create)
        for each, answer in changes.items():
            assert answer.status_code == 201, f"{each}: {answer.text}"
        await instances.eventually_degraded(saying=NO_BROKER)
        if killed:
            await platform.nats.kill()  # also loses what it was sent and has not read yet
            await instances.eventually_without_broker()
            for each, answer in (await instances.creating.send(RunningInstance.create, within=1)).items():
                assert_problem(answer, 503, f"{each}, change")
        readers = instances.of("auth", "tickets", "orders")
        for each, answer in (await readers.send(RunningInstance.read, within=2)).items():
            assert answer.status_code == each.service.requests.read_status, f"{each} still reads: {answer.text}"
        for each, answer in (await instances.send(RunningInstance.live, within=1)).items():
            assert answer.status_code == 200, f"{each} is alive: a restart would not help"

        await (platform.nats.start() if killed else resume(platform.nats))
        await instances.eventually_ready(within=3)
        async with platform.streams() as streams:
            published = [
                event.id
                for event_type in (UserRegistered, TicketCreated)
                for event in await streams.eventually_published(event_type, len(DRIVERS))
            ]
        assert sorted(published) == sorted(answer.json()["id"] for answer in changes.values()), "each event once"

        # The other services receive the events, too: their subscriptions work again.
        ticket_ids = [answer.json()["id"] for each, answer in changes.items() if each.service.spec.name == "tickets"]
        for buyer, ticket_id in zip(instances.of("orders").members, ticket_ids, strict=True):
            await eventually(
                partial(buyer.client.post, "/api/orders", json={"ticketId": ticket_id}),
                until=lambda answer: answer.status_code == 201,
                what=f"an order through {buyer}",
            )


async def fill_the_streams(jetstream: JetStreamContext) -> None:
    for stream in STREAMS:
        if not stream.holds_timers:  # it would remove old messages instead of refusing new ones
            state = (await jetstream.stream_info(stream.name)).state
            await jetstream.update_stream(stream.config(1).evolve(max_bytes=max(state.bytes, 1)))


async def delete_the_streams(jetstream: JetStreamContext) -> None:
    for stream in (DOMAIN_EVENTS, GENERAL_EVENTS):
        await jetstream.delete_stream(stream.name)


@pytest.mark.parametrize("lose", [fill_the_streams, delete_the_streams], ids=["full", "deleted"])
async def test_without_a_stream_services_refuse_changes_within_5_s_and_accept_them_when_it_is_back(
    platform: Platform, lose: Callable[[JetStreamContext], Awaitable[None]]
) -> None:
    """NATS itself answers all the time, and reads need no stream.

    Public reports: https://github.com/nats-io/nats-server/issues/2795 (full), and
    https://github.com/kyma-project/kyma/issues/15658 (deleted).
    """
    async with platform.run_services() as instances, platform.streams() as streams:
        await instances.eventually_ready(within=10)
        publishing = instances.of("auth", "tickets")
        await lose(streams.broker.jetstream)

        async def changes() -> set[int]:
            answers = await publishing.send(RunningInstance.create)
            return {answer.status_code for answer in answers.values()}

        await eventually(changes, until=lambda statuses: statuses == {503}, within=5, what="no change accepted")
        await publishing.eventually_degraded(saying="events of the service cannot be published")
        for each, answer in (await publishing.send(RunningInstance.read)).items():
            assert answer.status_code == each.service.requests.read_status, f"{each} still reads: {answer.text}"
        for each, answer in (await publishing.send(RunningInstance.ready)).items():
            assert answer.status_code == 200, f"{each}: all instances would leave the load balancer"

        await provision_everything(platform.nats.url)
        await eventually(changes, until=lambda statuses: statuses == {201}, within=5, what="all changes accepted")
        await instances.eventually_ready(within=5)
        for each in publishing.members:
            for owned in each.service.spec.aggregates:
                await streams.eventually_relayed(each.running.collection(owned.collection))


async def test_a_start_waits_for_a_database_that_stops_in_the_middle(surroundings: Surroundings) -> None:
    steps: list[str] = []

    async def lose_the_database_once() -> None:
        steps.append("tried")
        if len(steps) == 1:
            raise AutoReconnect("connection closed")

    def create() -> FastAPI:
        app = tickets.main.create_app(surroundings.settings(TicketsSettings, "tickets"), policy=surroundings.policy)
        app.state.dependencies.instance.before_start(lose_the_database_once)
        return app

    async with surroundings.running(create, tickets.consumers.CONSUMERS) as running:
        assert steps == ["tried", "tried"]
        assert (await running.client().get("/healthz/ready")).status_code == 200


async def test_a_change_requested_during_the_start_waits_for_its_end(surroundings: Surroundings) -> None:
    may_start = asyncio.Event()

    async def wait() -> None:
        await may_start.wait()

    def create() -> FastAPI:
        app = tickets.main.create_app(surroundings.settings(TicketsSettings, "tickets"), policy=surroundings.policy)
        app.state.dependencies.instance.before_start(wait)
        return app

    async with surroundings.running(create, tickets.consumers.CONSUMERS, wait=False) as running:
        seller = running.client(somebody())
        listing = asyncio.create_task(seller.post("/api/tickets", json={"title": "Concert", "price": 19.99}))
        assert_problem(await running.client().get("/healthz/ready"), 503, "ready")
        may_start.set()
        assert (await listing).status_code == 201


async def test_a_service_that_cannot_start_reports_that_it_must_be_restarted(surroundings: Surroundings) -> None:
    async def meet_a_defect() -> None:
        raise OperationFailure("an index of this name exists with different options", 86)

    def create() -> FastAPI:
        app = tickets.main.create_app(surroundings.settings(TicketsSettings, "tickets"), policy=surroundings.policy)
        app.state.dependencies.instance.before_start(meet_a_defect)
        return app

    async with surroundings.running(create, tickets.consumers.CONSUMERS, wait=False) as running:
        live = await eventually(
            lambda: running.client().get("/healthz/live"), until=lambda seen: seen.status_code != 200, what="the end"
        )
        assert_problem(live, 503, "live")
        assert_problem(await running.client().get("/healthz/ready"), 503, "ready")
