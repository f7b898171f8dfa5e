"""On an old platform, a new storefront says on each page how much of the history it has read."""

import asyncio

from storefront.tests.shop import Shop

from common.domain.clock import utc_now
from common.messaging.catch_up import FAR_BEHIND
from common.messaging.provisioning import provision_consumers
from devkit.testing.events import EventStreams
from devkit.testing.eventually import eventually
from devkit.testing.running import Surroundings
from devkit.testing.samples import listed_ticket
from storefront.catching_up import CatchingUp
from storefront.consumers import CONSUMERS
from storefront.main import create_app
from storefront.rendering import Renderer
from storefront.settings import StorefrontSettings

NOTICE = 'id="catching-up"'


async def test_pages_say_it_until_the_history_is_read(surroundings: Surroundings, streams: EventStreams) -> None:
    await provision_consumers(surroundings.broker.jetstream, CONSUMERS, surroundings.policy)
    history = [listed_ticket() for _ in range(FAR_BEHIND + 1)]
    await streams.publish(*history)
    catching_up = CatchingUp(surroundings.broker, CONSUMERS)
    asking = asyncio.create_task(catching_up.run())

    async def percent() -> tuple[int | None]:
        return (catching_up.percent,)

    await eventually(percent, until=lambda seen: seen == (0,), what="the beginning of the history")
    page = bytes(Renderer(utc_now, catching_up).page("signin.html", None, is_late=False, goes_to="/").body).decode()
    assert NOTICE in page
    assert "0&nbsp;%" in page

    settings = surroundings.settings(StorefrontSettings, "storefront")
    async with surroundings.running(lambda: create_app(settings, policy=surroundings.policy), CONSUMERS) as running:
        await eventually(percent, until=lambda seen: seen == (None,), what="the end of the history")
        await streams.eventually_quiet(*(each.name for each in CONSUMERS))
        shop = Shop(running, running.client())
        assert len(await shop.listed("/")) > 0

        async def page_now() -> str:
            return (await shop.get("/")).text

        await eventually(page_now, until=lambda text: NOTICE not in text, what="a page without the notice")
    asking.cancel()


async def test_a_shop_that_is_up_to_date_says_nothing(shop: Shop) -> None:
    for path in ("/", "/tickets/65f0c0ffee00000000000010"):
        assert NOTICE not in (await shop.get(path)).text
