"""The life of a service process, with any service."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path

import pytest
from common.tests.consuming import CONSUMER, NAME, Effects, event, nothing
from nats.js import JetStreamContext

from common.domain.errors import DependencyUnavailable, PermanentFailure
from common.events.tickets import TicketCreated
from common.messaging.provisioning import provision_consumers, provision_streams
from common.messaging.streams import DEAD_LETTERS
from common.runtime.service_runtime import ServiceRuntime
from common.runtime.settings import ServiceSettings
from devkit.servers.nats_server import NatsServer
from devkit.servers.ports import free_port
from devkit.testing.events import EventStreams
from devkit.testing.eventually import eventually
from devkit.testing.running import QUICK, Surroundings, missing


async def eventually_ready(service: ServiceRuntime) -> None:
    await eventually(lambda: missing(service), until=lambda seen: seen == "", what="readiness")


async def eventually_connected(service: ServiceRuntime) -> None:
    async def is_connected() -> bool:
        return service.broker.is_connected

    await eventually(is_connected, what="the connection to NATS")


async def refusal_of_a_change(service: ServiceRuntime) -> str:
    """Why the service refuses changes; empty if it accepts them."""
    try:
        await service.check_can_publish()
    except DependencyUnavailable as error:
        return error.detail
    return ""


async def what_it_waits_for(service: ServiceRuntime) -> str:
    """What the start still waits for; empty if it is ready. Asks again if a server is slow."""
    return await eventually(
        lambda: missing(service),
        until=lambda seen: not seen or "does not answer" not in seen,
        what="an answer of MongoDB and NATS",
    )


def is_alive(service: ServiceRuntime) -> bool:
    try:
        service.check_alive()
    except DependencyUnavailable:
        return False
    return True


async def test_a_service_is_ready_only_when_its_consumers_run(
    surroundings: Surroundings, streams: EventStreams
) -> None:
    """Its database and its broker answer all the time."""
    service = ServiceRuntime("orders", surroundings.settings(ServiceSettings, "orders"), policy=QUICK)
    service.consume([CONSUMER], Effects(nothing))
    async with service.running():
        await eventually_connected(service)
        assert "consumers" in await what_it_waits_for(service), "ready without its consumer"
        assert "starting" in await refusal_of_a_change(service), "a change was taken before the service had started"
        assert is_alive(service), "a restart would not help"
        await provision_consumers(streams.broker.jetstream, [CONSUMER], QUICK)
        await eventually_ready(service)
        assert await refusal_of_a_change(service) == ""


async def delete_dead_letters(jetstream: JetStreamContext) -> None:
    await jetstream.delete_stream(DEAD_LETTERS.name)


async def fill_dead_letters(jetstream: JetStreamContext) -> None:
    await jetstream.update_stream(DEAD_LETTERS.config(1).evolve(max_bytes=1))


@pytest.mark.parametrize("lose", [delete_dead_letters, fill_dead_letters], ids=["deleted", "full"])
async def test_a_service_says_that_it_cannot_store_dead_letters(
    surroundings: Surroundings, streams: EventStreams, lose: Callable[[JetStreamContext], Awaitable[None]]
) -> None:
    async def refuse(_event: TicketCreated) -> None:
        raise PermanentFailure("it names what does not exist")

    jetstream = streams.broker.jetstream
    service = ServiceRuntime("orders", surroundings.settings(ServiceSettings, "orders"), policy=QUICK)
    service.consume([CONSUMER], Effects(refuse))
    await provision_consumers(jetstream, [CONSUMER], QUICK)
    async with service.running():
        await eventually_ready(service)
        await lose(jetstream)
        await streams.publish(event(), event())
        await eventually(service.check_ready, until=lambda lacking: lacking == [waiting(2)], what="both events")
        await provision_streams(jetstream)
        await eventually_ready(service)
    assert len(await streams.dead_letters()) == 2


def waiting(events: int) -> str:
    return f"Events of the consumer {NAME} that cannot be handled wait for the stream DEAD_LETTERS: {events}."


async def test_a_service_creates_its_indexes_before_it_is_ready(surroundings: Surroundings) -> None:
    """An instance that starts later is ready, while the first one still waits for its index."""
    may_end = asyncio.Event()

    async def create_index() -> None:
        await may_end.wait()

    service = ServiceRuntime("orders", surroundings.settings(ServiceSettings, "orders"))
    service.before_start(create_index)
    later = ServiceRuntime("orders", surroundings.settings(ServiceSettings, "orders"))
    async with service.running():
        await eventually_connected(service)
        async with later.running():
            await eventually_ready(later)
        assert "indexes" in await what_it_waits_for(service), "ready without its indexes"
        may_end.set()
        await eventually_ready(service)


async def test_a_service_refuses_changes_without_nats(surroundings: Surroundings, tmp_path: Path) -> None:
    async with NatsServer(tmp_path, free_port()) as nats:
        settings = surroundings.settings(ServiceSettings, "orders", nats_url=nats.url)
        service = ServiceRuntime("orders", settings)

        async def connected() -> bool:
            return service.broker.is_connected

        async with service.running():
            await eventually_connected(service)
            await provision_streams(service.broker.jetstream)
            await eventually_ready(service)
            await nats.kill()
            await eventually(connected, until=lambda seen: not seen, what="the loss of NATS")
            assert "broker" in await refusal_of_a_change(service), "a change was taken that cannot be published"
            assert is_alive(service), "a restart would not help"
            await nats.start()
            await eventually_connected(service)
            assert await refusal_of_a_change(service) == ""


async def test_a_service_whose_nats_client_gave_up_reports_that_it_must_be_restarted(
    surroundings: Surroundings,
) -> None:
    service = ServiceRuntime("orders", surroundings.settings(ServiceSettings, "orders"))
    async with service.running():
        await eventually_ready(service)
        assert is_alive(service)
        await service.broker.client.close()
        assert not is_alive(service)


async def test_a_background_loop_that_fails_is_started_again_and_harms_no_other(surroundings: Surroundings) -> None:
    """The loop that failed must not stay ended: https://github.com/Apicurio/apicurio-registry/issues/608."""
    failed, runs_again, other_ended = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def meet_a_defect_once() -> None:
        if not failed.is_set():
            failed.set()
            raise RuntimeError("a defect")
        runs_again.set()
        await asyncio.Event().wait()

    async def other() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            other_ended.set()

    service = ServiceRuntime("orders", surroundings.settings(ServiceSettings, "orders"))
    service.in_background(other, meet_a_defect_once)
    async with service.running():
        async with asyncio.timeout(5):
            await runs_again.wait()
        await eventually_ready(service)
        assert not other_ended.is_set()
        assert is_alive(service)


async def test_a_start_that_fails_ends_the_process(surroundings: Surroundings) -> None:
    """For example, an index cannot be created, so nothing would keep two orders from holding one ticket."""
    ended = asyncio.Event()

    async def create_index() -> None:
        raise RuntimeError("a defect")

    service = ServiceRuntime("orders", surroundings.settings(ServiceSettings, "orders"))
    service.before_start(create_index)
    service.on_failure = ended.set
    async with service.running():
        async with asyncio.timeout(5):
            await ended.wait()
        assert not is_alive(service)


async def test_a_loop_that_ignores_its_cancellation_does_not_block_the_stop(surroundings: Surroundings) -> None:
    test_ends = asyncio.Event()

    async def stubborn() -> None:
        while not test_ends.is_set():
            with suppress(asyncio.CancelledError):
                await test_ends.wait()

    service = ServiceRuntime("orders", surroundings.settings(ServiceSettings, "orders"))
    service.in_background(stubborn)
    try:
        async with asyncio.timeout(20):
            async with service.running():
                await eventually_ready(service)
    finally:
        test_ends.set()
