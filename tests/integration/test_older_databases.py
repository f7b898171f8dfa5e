"""A service whose database is older than its own events does not start to work until an operator has restored it.

Each event of the catalogue is tried, as if its service had published it and its database had then lost the change. The
case comes from an own test of this platform: orders, restored from a backup that was two seconds older, sold a ticket a
second time.
"""

from functools import partial
from typing import Any

import httpx
import pytest
from structlog.testing import capture_logs

from common.domain.clock import utc_now
from common.domain.event import Category, Event
from common.events.catalog import EXAMPLES
from common.events.envelope import StagedEvent
from common.runtime.restore_check import ACCEPTED, RESTORES
from common.runtime.service_spec import ServiceSpec
from devkit.testing.events import EventStreams
from devkit.testing.eventually import eventually
from devkit.testing.running import RunningService, Surroundings, missing, somebody
from devkit.testing.samples import changed_ticket, listed_ticket
from devkit.testing.service_samples import sample_requests_of
from marketplace.registry import service

_EVENTS = [each for each in EXAMPLES if isinstance(each, Event)]
_DOMAIN_EVENTS = [each for each in _EVENTS if each.category is Category.DOMAIN]
EVERY_EVENT = pytest.mark.parametrize("event", _EVENTS, ids=lambda event: event.type_name())
EVERY_DOMAIN_EVENT = pytest.mark.parametrize("event", _DOMAIN_EVENTS, ids=lambda event: event.type_name())
DATABASE_IS_OLDER = "the database is older than its events"


def owner_of(event: Event) -> ServiceSpec:
    return service(event.publisher)


def starting(surroundings: Surroundings, owner: ServiceSpec) -> Any:
    create = partial(owner.create_app, surroundings.settings(owner.settings, owner.name), policy=surroundings.policy)
    return surroundings.running(create, owner.consumers, wait=False)


def documents_of(running: RunningService, owner: ServiceSpec) -> Any:
    return running.collection(owner.aggregates[0].collection)


async def eventually_refused(running: RunningService) -> httpx.Response:
    return await eventually(
        partial(running.client().get, "/healthz/ready"),
        until=lambda seen: seen.json().get("type", "").endswith(":restore-not-done"),
        what="a service that waits for an operator",
    )


async def eventually_ready(running: RunningService) -> None:
    await eventually(lambda: missing(running.runtime), until=lambda seen: seen == "", what="a service that is ready")


@EVERY_EVENT
async def test_a_service_waits_while_its_database_lacks_an_event(
    event: Event, surroundings: Surroundings, streams: EventStreams
) -> None:
    owner = owner_of(event)
    requests = sample_requests_of(owner.name)
    await streams.publish(event)
    with capture_logs() as logs:
        async with starting(surroundings, owner) as running:
            refused = await eventually_refused(running)
            assert event.event_id in refused.json()["detail"]
            assert f"marketplace restore-done {owner.name}" in refused.json()["detail"]
            if requests.creates_at:
                change = await running.client(somebody()).post(requests.creates_at, json=dict(requests.body))
                assert (change.status_code, "waits for an operator" in change.text) == (503, True)
            await documents_of(running, owner).insert_one({"_id": event.id, "version": event.version})
            await eventually_ready(running)
    assert [line["log_level"] for line in logs if line["event"] == DATABASE_IS_OLDER] == ["error"], "it says so once"


@EVERY_EVENT
async def test_a_service_waits_while_a_document_is_older_than_its_event(
    event: Event, surroundings: Surroundings, streams: EventStreams
) -> None:
    owner = owner_of(event)
    await streams.publish(event)
    async with starting(surroundings, owner) as running:
        await documents_of(running, owner).insert_one({"_id": event.id, "version": event.version - 1})
        await eventually_refused(running)
        await documents_of(running, owner).update_one({"_id": event.id}, {"$set": {"version": event.version + 1}})
        await eventually_ready(running)


@EVERY_EVENT
async def test_a_service_starts_without_the_events_that_an_operator_has_accepted(
    event: Event, surroundings: Surroundings, streams: EventStreams
) -> None:
    owner = owner_of(event)
    await streams.publish(event)
    async with starting(surroundings, owner) as running:
        await eventually_refused(running)
        await running.collection(RESTORES).insert_one({"_id": ACCEPTED, "event_ids": [event.event_id]})
        await eventually_ready(running)


@EVERY_EVENT
async def test_an_event_that_cannot_be_parsed_is_missed_too(
    event: Event, surroundings: Surroundings, streams: EventStreams
) -> None:
    """Its headers say which version its service has published."""
    owner = owner_of(event)
    await streams.publish_bytes(event.subject, b"{", StagedEvent.stage(event, utc_now()).headers)
    async with starting(surroundings, owner) as running:
        assert event.event_id in (await eventually_refused(running)).json()["detail"]


@EVERY_DOMAIN_EVENT
async def test_a_message_that_its_service_has_not_published_hides_no_event(
    event: Event, surroundings: Surroundings, streams: EventStreams
) -> None:
    """Otherwise one such message per type, published by hand, would let an older database sell a ticket again."""
    await streams.publish(event)
    await streams.publish_bytes(event.subject, b"{")
    async with starting(surroundings, owner_of(event)) as running:
        assert event.event_id in (await eventually_refused(running)).json()["detail"]


async def test_a_message_that_is_no_event_does_not_keep_a_service_from_its_start(
    surroundings: Surroundings, streams: EventStreams
) -> None:
    await streams.publish_bytes("ticket.created.65f0c0ffee00000000000010", b"{")
    async with starting(surroundings, service("tickets")) as running:
        await eventually_ready(running)


async def test_a_service_refuses_changes_while_another_event_has_the_id_of_its_event(
    surroundings: Surroundings, streams: EventStreams
) -> None:
    """The database was restored while the service was running, so the service did not notice it at its start."""
    owner, published = service("tickets"), changed_ticket(listed_ticket(), 2, price=50000)
    changed = published.model_copy(update={"price": 1500})
    await streams.publish(published)
    async with starting(surroundings, owner) as running:
        staged = StagedEvent.stage(changed, utc_now()).to_document()
        await documents_of(running, owner).insert_one({"_id": changed.id, "version": 2, "outbox": [staged]})
        lacking = await eventually(
            lambda: missing(running.runtime), until=lambda seen: "other events" in seen, what="a taken id is noticed"
        )
        assert "Run `marketplace restore-done tickets`" in lacking
        requests = sample_requests_of("tickets")
        refused = await running.client(somebody()).post(requests.creates_at, json=dict(requests.body))
        assert refused.status_code == 503
        await documents_of(running, owner).update_one({"_id": changed.id}, {"$set": {"outbox": []}})
        await eventually_ready(running)
