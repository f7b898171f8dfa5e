"""A service whose MongoDB or NATS is not there, goes away, or falls silent: honest meanwhile, and back on its own."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from common.tests.island import DRIVERS, Inhabitant, Island
from common.tests.problem_details import assert_problem
from fastapi import FastAPI
from pymongo.errors import AutoReconnect, OperationFailure

import tickets.consumers
import tickets.main
from common.events.tickets import TicketCreated
from common.events.users import UserRegistered
from devkit.servers.server import Server
from devkit.testing.eventually import eventually
from devkit.testing.running import Surroundings, somebody
from tickets.settings import TicketsSettings

NO_DATABASE = "The database does not answer."
NO_BROKER = "The message broker does not answer."


async def kill(server: Server) -> None:
    await server.kill()


async def pause(server: Server) -> None:
    server.pause()


async def resume(server: Server) -> None:
    server.resume()


async def test_a_service_that_starts_before_its_dependencies_waits_for_them(island: Island) -> None:
    await island.mongod.stop()
    await island.nats.stop()
    async with island.inhabited() as everybody:
        for each, answer in (await everybody.ask(Inhabitant.live)).items():
            assert answer.status_code == 200, f"{each} is alive: to start it again would not help"
        for each, answer in (await everybody.ask(Inhabitant.ready)).items():
            assert NO_DATABASE in assert_problem(answer, 503, f"{each}, ready")["detail"], each
        await island.mongod.start()
        await everybody.eventually_unready(saying=NO_BROKER)
        await island.nats.start()
        await everybody.eventually_ready(within=3)
        for each, answer in (await everybody.ask(Inhabitant.read)).items():
            assert answer.status_code == each.service.requests.read_status, f"{each}: {answer.text}"


@pytest.mark.parametrize(("lose", "bring_back"), [(kill, Server.start), (pause, resume)], ids=["killed", "paused"])
async def test_a_service_that_loses_mongodb_says_so_within_5_s_and_recovers_within_3_s_of_its_return(
    island: Island, lose: Callable[[Server], Awaitable[None]], bring_back: Callable[[Server], Awaitable[None]]
) -> None:
    async with island.inhabited() as everybody:
        await everybody.eventually_ready(within=10)
        await lose(island.mongod)
        asked = {"read": Inhabitant.read, "change": Inhabitant.create, "ready": Inhabitant.ready}
        async with asyncio.timeout(5):
            answers = await asyncio.gather(*(everybody.creating.ask(question) for question in asked.values()))
        for what, answered in zip(asked, answers, strict=True):
            for each, answer in answered.items():
                assert_problem(answer, 503, f"{each}, {what}")
        for each, answer in (await everybody.ask(Inhabitant.live, within=1)).items():
            assert answer.status_code == 200, f"{each} is alive: to start it again would not help"

        await bring_back(island.mongod)
        await everybody.eventually_ready(within=3)
        for each, answer in (await everybody.ask(Inhabitant.read)).items():
            assert answer.status_code == each.service.requests.read_status, f"{each}: {answer.text}"
        for each, answer in (await everybody.of("auth", "tickets").ask(Inhabitant.create)).items():
            assert answer.status_code == 201, f"{each}: {answer.text}"


@pytest.mark.parametrize("killed", [True, False], ids=["killed", "paused"])
async def test_a_service_that_loses_nats_refuses_changes_goes_on_with_reads_and_loses_no_event(
    island: Island, *, killed: bool
) -> None:
    async with island.inhabited() as everybody:
        await everybody.eventually_ready(within=10)
        await pause(island.nats)  # nobody can have noticed yet
        changes = await everybody.of("auth", "tickets").ask(Inhabitant.create)
        for each, answer in changes.items():
            assert answer.status_code == 201, f"{each}: {answer.text}"
        await everybody.eventually_unready(saying=NO_BROKER)
        if killed:
            await island.nats.kill()  # and with it whatever it had been sent and had not read
            await everybody.eventually_without_broker()
            for each, answer in (await everybody.creating.ask(Inhabitant.create, within=1)).items():
                assert_problem(answer, 503, f"{each}, change")
        for each, answer in (await everybody.of("auth", "tickets", "orders").ask(Inhabitant.read, within=2)).items():
            assert answer.status_code == each.service.requests.read_status, f"{each} goes on reading: {answer.text}"
        for each, answer in (await everybody.ask(Inhabitant.live, within=1)).items():
            assert answer.status_code == 200, f"{each} is alive: to start it again would not help"

        await (island.nats.start() if killed else resume(island.nats))
        await everybody.eventually_ready(within=3)
        async with island.streams() as streams:
            published = [
                event.id
                for event_type in (UserRegistered, TicketCreated)
                for event in await streams.eventually_published(event_type, len(DRIVERS))
            ]
        assert sorted(published) == sorted(answer.json()["id"] for answer in changes.values()), "each one, once"

        # The others hear of it, too: their subscriptions have come back with the connection.
        ticket_ids = [answer.json()["id"] for each, answer in changes.items() if each.service.name == "tickets"]
        for buyer, ticket_id in zip(everybody.of("orders").members, ticket_ids, strict=True):
            await eventually(
                lambda buyer=buyer, ticket_id=ticket_id: buyer.client.post("/api/orders", json={"ticketId": ticket_id}),
                until=lambda answer: answer.status_code == 201,
                what=f"an order through {buyer}",
            )


async def test_a_database_that_goes_away_in_the_middle_of_the_start_is_waited_for(surroundings: Surroundings) -> None:
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


async def test_a_change_that_comes_during_the_start_is_held_until_it_can_be_made(surroundings: Surroundings) -> None:
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


async def test_a_service_that_cannot_be_helped_by_waiting_asks_to_be_started_again(surroundings: Surroundings) -> None:
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
