"""A stored document that cannot be parsed harms only itself, in every collection of every service.

The damages are what a newer version or a hand in the database leaves behind. Public reports of the same kind of fault:
one row that makes a whole list fail (https://github.com/msupply-foundation/open-msupply/pull/12311), one message that
ends a loop (https://github.com/Apicurio/apicurio-registry/issues/608), one date that makes a whole query fail
(https://github.com/elastic/connectors/pull/4148).
"""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import pytest
from integration.damaged_copies import DAMAGES, about_other_things, store_damaged_copies
from integration.service_in_story import EVERY_CONSUMER, STORIES, ServiceInStory, prepared

import expiration.spec
import payments.spec
from common.domain.clock import utc_now
from common.domain.ids import OrderId, UserId, new_id
from common.messaging.consumer import Consumer
from common.runtime.service_spec import ServiceSpec
from common.storage.collection import Document
from devkit.testing.events import EventStreams
from devkit.testing.eventually import eventually
from devkit.testing.running import RunningService, Surroundings, missing, somebody
from devkit.testing.samples import order_events
from devkit.testing.service_samples import Story, sample_requests_of, stories_of
from expiration.deadline import Deadline
from expiration.service import ExpirationService
from marketplace.registry import SERVICES
from payments.payment import Payment
from payments.service import PaymentService

Before = Callable[[Any], Awaitable[None]]

EVERY_DAMAGE = pytest.mark.parametrize("damage", DAMAGES)
EVERY_API = pytest.mark.parametrize("service", [each for each in SERVICES if each.routes], ids=lambda spec: spec.name)


async def _documents_of(in_story: ServiceInStory) -> dict[str, list[Document]]:
    database: Any = in_story.runtime.mongo.database
    return {name: await database[name].find({}).to_list(None) for name in await database.list_collection_names()}


@EVERY_DAMAGE
@EVERY_CONSUMER
async def test_a_service_with_damaged_documents_handles_all_events_and_publishes_all_sound_ones(
    service: ServiceSpec, consumer: Consumer[Any], surroundings: Surroundings, streams: EventStreams, damage: str
) -> None:
    story = STORIES[consumer.name]
    async with prepared(service, story, surroundings) as undamaged:
        await undamaged.handle(*story.events)
        templates = await _documents_of(undamaged)
        expected = await undamaged.state_without_versions()
    async with prepared(service, story, surroundings) as in_story:
        database: Any = in_story.runtime.mongo.database
        for name, documents in templates.items():
            for document in documents:
                await store_damaged_copies(database[name], about_other_things(document), damage)
        settings = surroundings.settings(service.settings, service.name, mongo_database=database.name)
        create = lambda: service.create_app(settings, policy=surroundings.policy)  # noqa: E731
        async with surroundings.running(create, service.consumers) as running:
            for event in story.events:
                await streams.publish_bytes(event.subject, event.to_json().encode())
            await streams.eventually_quiet(*(each.name for each in service.consumers))
            await _eventually_without_sound_events(running, service)
            assert _only(expected, await in_story.state_without_versions()) == expected
            assert await streams.dead_letters() == []
            assert await missing(running.runtime) == ""


def _only(expected: dict[str, list[Document]], stored: dict[str, list[Document]]) -> dict[str, list[Document]]:
    """The documents of `stored` that are also in `expected`. The other ones are damaged copies."""
    return {
        name: [each for each in stored.get(name, []) if each["_id"] in {known["_id"] for known in documents}]
        for name, documents in expected.items()
    }


async def _eventually_without_sound_events(running: RunningService, service: ServiceSpec) -> None:
    """A sound event has an id that ends with its version; that of a damaged one ends with a further number."""

    async def sound() -> list[str]:
        found = [
            event["id"]
            for owned in service.aggregates
            for document in await running.collection(owned.collection).find({}).to_list(None)
            for event in document["outbox"]
            if isinstance(event.get("id"), str) and event["id"].count("-") == 2
        ]
        return [each for each in found if len(each) < 100]

    await eventually(sound, until=lambda left: not left, what="all sound events published")


async def _a_payment_that_nobody_finishes(payments: PaymentService) -> None:
    created = order_events(new_id())[0]
    await payments._orders.apply(created)
    await payments._payments.add(
        Payment.begin(
            order_id=OrderId(created.id),
            buyer=created.user_id,
            amount=1999,
            token="tok_visa",
            now=utc_now() - timedelta(minutes=1),
        )
    )


async def _a_deadline_without_a_timer(expiration: ExpirationService) -> None:
    overdue = order_events(new_id(), due_in=timedelta(seconds=-1))[0]
    await expiration._deadlines.add(Deadline.of_order(overdue))


@EVERY_DAMAGE
@pytest.mark.parametrize(
    ("service", "unfinished", "finished"),
    [
        (payments.spec.SPEC, _a_payment_that_nobody_finishes, {"status": "captured"}),
        (expiration.spec.SPEC, _a_deadline_without_a_timer, {"status": "completed"}),
    ],
    ids=["recovery job", "timers"],
)
async def test_a_background_loop_finishes_the_sound_documents_among_damaged_ones(
    service: ServiceSpec, unfinished: Before, finished: Document, surroundings: Surroundings, damage: str
) -> None:
    async with prepared(service, Story((), unfinished), surroundings) as in_story:
        (name,) = [each.collection for each in service.aggregates]
        collection: Any = in_story.runtime.mongo.database[name]
        (sound,) = await collection.find({}).to_list(None)
        await store_damaged_copies(collection, about_other_things(sound), damage)
        settings = surroundings.settings(service.settings, service.name, mongo_database=collection.database.name)
        create = lambda: service.create_app(settings, policy=surroundings.policy)  # noqa: E731
        async with surroundings.running(create, service.consumers) as running:
            await eventually(
                lambda: collection.find_one({"_id": sound["_id"], **finished}), what="the sound document finished"
            )
            assert await missing(running.runtime) == ""


@pytest.mark.slow
@EVERY_DAMAGE
@EVERY_API
async def test_with_damaged_documents_all_reads_and_changes_of_other_documents_succeed(
    service: ServiceSpec, surroundings: Surroundings, damage: str
) -> None:
    """The read of a damaged document itself may fail, but with an error that says what is wrong."""
    settings = surroundings.settings(service.settings, service.name)
    create = lambda: service.create_app(settings, policy=surroundings.policy)  # noqa: E731
    async with surroundings.running(create, service.consumers) as running:
        await _create_something(service, running)
        damaged: list[Document] = []
        copies_of_others: set[str] = set()
        for name, documents in (await _sample_documents(service, running, surroundings)).items():
            for document in documents:
                damaged += await store_damaged_copies(running.collection(name), document, damage)
                if name in {each.collection for each in service.read_models}:
                    copies_of_others.add(document["_id"])
                    await running.collection(name).update_one({"_id": document["_id"]}, {"$set": document}, upsert=True)
        for person in {each["user_id"] for each in damaged if isinstance(each.get("user_id"), str)} | {somebody()}:
            client = running.client(UserId(person))
            for path in _list_paths(service, copies_of_others):
                assert (await client.get(path)).status_code < 500, path
            for path in _single_paths(service, damaged):
                answer = await client.get(path)
                assert answer.status_code < 500 or answer.json()["type"].endswith(":unreadable-document"), path
        await _create_something(service, running)
        assert await missing(running.runtime) == ""


async def _create_something(service: ServiceSpec, running: RunningService) -> None:
    """Send the sample request. Its answer may be a refusal, because what it names need not exist."""
    requests = sample_requests_of(service.name)
    body = dict(requests.body) | ({"email": f"{new_id()}@example.com"} if "email" in requests.body else {})
    headers = {"Idempotency-Key": new_id()}
    answer = await running.client(somebody()).post(requests.creates_at, json=body, headers=headers)
    assert answer.status_code < 500


async def _sample_documents(
    service: ServiceSpec, running: RunningService, surroundings: Surroundings
) -> dict[str, list[Document]]:
    """What the service has stored, and what the stories of its consumers lead to."""
    database: Any = running.runtime.mongo.database
    found = {name: await database[name].find({}).to_list(None) for name in await database.list_collection_names()}
    for story in stories_of(service.name).values():
        async with prepared(service, story, surroundings) as in_story:
            await in_story.handle(*story.events)
            for name, documents in (await _documents_of(in_story)).items():
                found[name] = [*found.get(name, []), *documents]
    return found


def _list_paths(service: ServiceSpec, orders: set[str]) -> set[str]:
    """The paths of the GET requests without an id. Payments are listed by order."""
    requests = sample_requests_of(service.name)
    paths = {path for method, path in requests.answers if method == "GET" and "{}" not in path}
    if "orderId" not in requests.query_parameters:
        return paths
    return {f"{path}?orderId={order}" for path in paths for order in orders}


def _single_paths(service: ServiceSpec, damaged: list[Document]) -> set[str]:
    answers = sample_requests_of(service.name).answers
    paths = [path for method, path in answers if method == "GET" and "{}" in path]
    return {path.replace("{}", each["_id"]) for path in paths for each in damaged}


@pytest.mark.slow
@EVERY_DAMAGE
@EVERY_API
async def test_a_damaged_answer_of_an_idempotency_key_fails_only_the_requests_with_this_key(
    service: ServiceSpec, surroundings: Surroundings, damage: str
) -> None:
    settings, requests = surroundings.settings(service.settings, service.name), sample_requests_of(service.name)
    create = lambda: service.create_app(settings, policy=surroundings.policy)  # noqa: E731
    async with surroundings.running(create, service.consumers) as running:
        client, headers = running.client(somebody()), {"Idempotency-Key": "a-key"}
        await client.post(requests.creates_at, json=dict(requests.body), headers=headers)
        stored: Any = running.collection("idempotent_requests")
        for document in await stored.find({}).to_list(None):
            for damaged in DAMAGES[damage](document):
                await stored.replace_one({"_id": document["_id"]}, damaged)
                answer = await client.post(requests.creates_at, json=dict(requests.body), headers=headers)
                assert answer.status_code < 500 or answer.json()["type"].endswith(":unreadable-document")
        await _create_something(service, running)
