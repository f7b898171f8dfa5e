"""The page /live and its events, on real servers: what a viewer sees, and that it does not exist unless switched on."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest
import uvicorn

from common.domain.clock import utc_now
from common.domain.ids import PaymentId
from common.events.envelope import CAUSE, StagedEvent
from common.events.expiration import ExpirationCompleted
from common.events.orders import OrderCreated
from common.events.payments import PaymentCreated
from common.http.server import DrainingServer
from common.messaging.consumer import Consumer
from common.messaging.provisioning import provision_consumers
from common.messaging.streams import DEAD_LETTERS
from devkit.servers.ports import free_port
from devkit.testing.events import EventStreams
from devkit.testing.eventually import eventually
from devkit.testing.running import RunningService, Surroundings
from devkit.testing.samples import listed_ticket, order_events
from storefront.consumers import CONSUMERS
from storefront.main import create_app
from storefront.platform.past import PAST_EVENTS
from storefront.settings import StorefrontSettings

Start = Callable[..., AbstractAsyncContextManager[RunningService]]
Told = list[tuple[str, dict[str, Any]]]
_TICKETS = "storefront-show-ticket-on-ticket-event"


async def _never(_service: None, _event: OrderCreated) -> None:
    raise AssertionError


@pytest.fixture
def start(surroundings: Surroundings) -> Start:
    def begin(**settings: object) -> AbstractAsyncContextManager[RunningService]:
        values = surroundings.settings(StorefrontSettings, "storefront", **settings)
        return surroundings.running(lambda: create_app(values, policy=surroundings.policy), CONSUMERS)

    return begin


@pytest.fixture
async def running(start: Start) -> AsyncIterator[RunningService]:
    async with start(live_page="on") as running:
        yield running


@asynccontextmanager
async def looking(running: RunningService) -> AsyncIterator[Told]:
    """Serve the application on a port, and look: httpx cannot read an answer without an end from an application."""
    server = DrainingServer(uvicorn.Config(running.app, port=free_port(), log_config=None, lifespan="off"))
    server.begin_drain = running.runtime.begin_drain
    serving = asyncio.create_task(server._serve())

    async def started() -> bool:
        return server.started

    await eventually(started, what="a server")
    told: Told = []
    url = f"http://127.0.0.1:{server.config.port}/live/platform"
    async with httpx.AsyncClient(timeout=30, trust_env=False) as client, client.stream("GET", url) as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        reading = asyncio.create_task(_read(answer, told))
        yield told
        reading.cancel()
        await asyncio.wait({reading})
    server.should_exit = True
    await serving


async def _read(answer: httpx.Response, told: Told) -> None:
    name = ""
    async for line in answer.aiter_lines():
        field, _, value = line.partition(": ")
        if field == "event":
            name = value
        elif field == "data":
            told.append((name, json.loads(value)))


async def eventually_told(told: Told, name: str, *, until: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    async def found() -> dict[str, Any]:
        return next((data for of, data in told if of == name and until(data)), {})

    return await eventually(found, what=f"{name} in {told[-3:]}")


def _is_listening(figures: dict[str, Any]) -> bool:
    return bool(figures["consumers"][_TICKETS]["state"] == "listening")


@pytest.mark.parametrize("path", ["/live", "/live/platform"])
async def test_without_the_setting_nobody_sees_the_platform(start: Start, path: str) -> None:
    async with start() as running:
        answer = await running.client().get(path, headers={"Accept": "text/html"})
        assert answer.status_code == 404
        assert "<h1>" in answer.text
        assert 'href="/live"' not in (await running.client().get("/")).text


async def test_with_the_setting_the_footer_links_the_page_and_the_page_draws_the_platform(
    running: RunningService,
) -> None:
    assert 'href="/live"' in (await running.client().get("/")).text
    page = await running.client().get("/live")
    assert page.status_code == 200
    for part in ('data-service="payments"', 'data-stream="DOMAIN_EVENTS"', f'data-consumer="{_TICKETS}"'):
        assert page.text.count(part) == 2, "in the wide and in the narrow picture"
    assert " style=" not in page.text, "the content security policy would refuse it"
    assert "needs JavaScript" in page.text
    assert "Connecting" not in page.text, "without JavaScript it would say so for ever"


async def test_a_viewer_sees_each_event_but_not_whose_it_is(streams: EventStreams, running: RunningService) -> None:
    ticket = listed_ticket()
    async with looking(running) as told:
        await streams.publish(ticket)
        seen = await eventually_told(told, "events", until=lambda data: bool(data["events"]))
    ((*which, _, title),) = seen["events"]
    assert (which, title) == (["ticket.created", ticket.id, 1], ticket.title)
    assert seen["counts"] == {"ticket.created": 1}
    assert ticket.user_id not in json.dumps(told)


async def test_a_viewer_sees_when_an_event_happened_as_in_its_history(
    streams: EventStreams, running: RunningService
) -> None:
    happened = utc_now().replace(microsecond=0) - timedelta(hours=1)  # the stream stores it later, here much later
    staged = StagedEvent.stage(listed_ticket(), happened)
    async with looking(running) as told:
        await streams.publish_bytes(staged.subject, staged.data.encode(), staged.headers)
        seen = await eventually_told(told, "events", until=lambda data: bool(data["events"]))
    assert datetime.fromisoformat(seen["events"][0][3]) == happened
    page = await running.client().get("/live", params={"id": staged.subject.rpartition(".")[2]})
    assert f'datetime="{happened.strftime("%Y-%m-%dT%H:%M:%S")}' in page.text


async def test_a_viewer_sees_the_lag_of_each_consumer_and_the_dead_letters(
    streams: EventStreams, running: RunningService
) -> None:
    async with looking(running) as told:
        idle = await eventually_told(told, "figures", until=_is_listening)
        assert idle["deadLetters"] == {}
        assert idle["consumers"][_TICKETS] | {"delivered": 0} == {
            "state": "listening",
            "waiting": 0,
            "inFlight": 0,
            "delivered": 0,
            "oldestSeconds": None,
        }
        assert idle["consumers"]["orders-replicate-ticket"]["state"] == "missing", "orders does not run here"
        await streams.publish_bytes("dead-letter.somebody", b"{}")
        await eventually_told(told, "figures", until=lambda data: data["deadLetters"] == {"somebody": 1})
    assert (await streams.broker.jetstream.stream_info(DEAD_LETTERS.name)).state.messages == 1


async def test_a_viewer_sees_how_many_events_wait_for_a_service_that_is_down(
    streams: EventStreams, running: RunningService, surroundings: Surroundings
) -> None:
    of_payments = Consumer("payments-accept-payments-on-order-created", (OrderCreated,), _never)
    await provision_consumers(streams.broker.jetstream, [of_payments], surroundings.policy)
    created, *_ = order_events("65f0c0ffee00000000000010")
    await streams.publish(created)
    async with looking(running) as told:
        seen = await eventually_told(
            told, "figures", until=lambda data: data["consumers"][of_payments.name]["oldestSeconds"] is not None
        )
    down = seen["consumers"][of_payments.name]
    assert (down["waiting"], down["state"]) == (1, "no subscriber")
    assert 1 <= down["oldestSeconds"] <= 60, "the event is older than the first look at it"


async def test_a_page_that_is_opened_after_a_restart_shows_the_newest_events_of_the_stream(
    streams: EventStreams, start: Start
) -> None:
    tickets = [listed_ticket() for _ in range(PAST_EVENTS + 1)]
    await streams.publish(*tickets)
    async with start(live_page="on") as running, looking(running) as told:
        seen = await eventually_told(told, "past", until=lambda data: bool(data["events"]))
    assert [event[1] for event in seen["events"]] == [ticket.id for ticket in tickets[1:]]


async def test_the_page_shows_the_history_of_an_aggregate_without_its_people(
    streams: EventStreams, running: RunningService
) -> None:
    created, cancelled, _ = order_events("65f0c0ffee00000000000010")
    await streams.publish(created, cancelled)
    page = await running.client().get("/live", params={"id": created.id})
    shown = page.text.partition('id="history-steps"')[2].partition("</section>")[0]
    assert shown.index("order.created") < shown.index("order.cancelled")
    assert 'href="/live?id=65f0c0ffee00000000000010"' in shown, "its ticket"
    assert created.user_id not in page.text


async def test_the_history_of_an_order_has_its_payment_its_deadline_and_names_the_causes(
    streams: EventStreams, running: RunningService
) -> None:
    created, cancelled, _ = order_events("65f0c0ffee00000000000010")
    cancelled = cancelled.model_copy(update={"cancel_reason": "expired"})
    over = ExpirationCompleted(id=created.id, version=2, expires_at=created.expires_at)
    paid = PaymentCreated(
        id=PaymentId("65f0c0ffee00000000000030"),
        version=2,
        order_id=created.id,
        user_id=created.user_id,
        amount=1999,
        status="captured",
    )
    await streams.publish(created, paid)
    for event, cause in ((over, f"expiration-{created.id}-1"), (cancelled, over.event_id)):
        staged = StagedEvent.stage(event, utc_now())
        await streams.publish_bytes(staged.subject, staged.data.encode(), {**staged.headers, CAUSE: cause})

    async def shown() -> str:
        page = await running.client().get("/live", params={"id": created.id})
        return page.text.partition('id="history-steps"')[2].partition("</section>")[0]

    text = await eventually(shown, until=lambda text: "payment.created" in text, what="the payment")
    assert text.index("expiration.completed</strong>") < text.index("order.cancelled</strong>")
    assert "cancelled: expired" in text
    assert text.index("because of expiration.alarm") < text.index("because of expiration.completed")


@pytest.mark.parametrize("wanted", ["452f036e", "…452f036e", "hello"])
async def test_what_is_not_an_id_is_answered_with_what_an_id_is(running: RunningService, wanted: str) -> None:
    page = await running.client().get("/live", params={"id": wanted})
    assert "An id has 24 characters" in page.text


@pytest.mark.parametrize("wanted", ["65f0c0ffee000000000000ff", "nonsense", '"><script>', "*", "x" * 3000])
async def test_an_unknown_id_is_answered_with_a_sentence(running: RunningService, wanted: str) -> None:
    page = await running.client().get("/live", params={"id": wanted})
    assert page.status_code == 200
    assert "has no event of" in page.text or "is not an id" in page.text
    assert "<script>" not in page.text
