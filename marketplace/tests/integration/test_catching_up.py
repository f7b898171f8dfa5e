"""`marketplace run` shows how far a service has come that has a long history to handle."""

import asyncio

from marketplace.tests.integration.operated import running

from common.messaging.catch_up import FAR_BEHIND
from common.messaging.provisioning import provision_consumers
from devkit.testing.events import EventStreams
from devkit.testing.eventually import eventually
from devkit.testing.running import Surroundings
from devkit.testing.samples import listed_ticket
from marketplace.catching_up import show_catching_up
from marketplace.registry import SERVICES
from marketplace.settings import PlatformSettings


async def provisioned(surroundings: Surroundings) -> PlatformSettings:
    for spec in SERVICES:
        await provision_consumers(surroundings.broker.jetstream, spec.consumers, surroundings.policy)
    return PlatformSettings(mongo_url=surroundings.mongo_url, nats_url=surroundings.nats_url)


async def test_on_a_normal_start_nothing_is_shown(surroundings: Surroundings, streams: EventStreams) -> None:
    settings = await provisioned(surroundings)
    await streams.publish(listed_ticket())
    shown: list[str] = []
    await asyncio.wait_for(show_catching_up(settings, shown.append), timeout=10)
    assert shown == []


async def test_without_nats_nothing_is_shown() -> None:
    shown: list[str] = []
    settings = PlatformSettings(nats_url="nats://127.0.0.1:1")
    await asyncio.wait_for(show_catching_up(settings, shown.append), timeout=30)
    assert shown == []


async def test_the_progress_of_each_service_is_shown_until_it_has_caught_up(
    surroundings: Surroundings, streams: EventStreams
) -> None:
    settings = await provisioned(surroundings)
    for _ in range(FAR_BEHIND // 100 + 1):
        await streams.publish(*(listed_ticket() for _ in range(100)))
    shown: list[str] = []
    showing = asyncio.create_task(show_catching_up(settings, shown.append))
    events = f"{FAR_BEHIND + 100:,} events"

    async def lines() -> list[str]:
        return shown

    def of(service: str) -> str:
        return f"{service} catches up with the history: 0 % of {events}"

    await eventually(lines, until=lambda seen: seen == [of("orders"), of("storefront")], what="both are behind")
    async with running(surroundings, "orders", "storefront"):
        await asyncio.wait_for(showing, timeout=60)
    done = {"orders has caught up with the history", "storefront has caught up with the history"}
    assert set(shown[-2:]) == done
    assert shown.count(of("storefront")) == 1, "a line appears only if the progress has changed"
