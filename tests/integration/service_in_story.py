"""A service whose handlers are called by a test, with the story of one of its consumers."""

import dataclasses
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import pytest

from common.domain.event import Message
from common.domain.ids import new_id
from common.runtime.service_runtime import ServiceRuntime
from common.runtime.service_spec import ServiceSpec
from devkit.testing.interception import WRITES, Died, InterceptedCollection, Operation
from devkit.testing.running import Surroundings
from devkit.testing.service_samples import Story, stories_of
from marketplace.registry import SERVICES

ROWS = [(spec, consumer) for spec in SERVICES for consumer in spec.consumers]
EVERY_CONSUMER = pytest.mark.parametrize(("service", "consumer"), ROWS, ids=[consumer.name for _, consumer in ROWS])
STORIES: dict[str, Story] = {name: story for spec in SERVICES for name, story in stories_of(spec.name).items()}
"""By the name of the consumer. Other consumers of the service may handle the same events, or some of them."""


@dataclass
class Deaths:
    """Counts the writes of a service, and lets the process die before or after one of them."""

    at_write: int = 0
    after_it: bool = False
    writes: int = 0

    async def around(self, name: str, operation: Operation) -> Any:
        if name not in WRITES:
            return await operation()
        self.writes += 1
        if self.writes == self.at_write and not self.after_it:
            raise Died
        this_one = self.writes
        try:
            return await operation()
        finally:
            if this_one == self.at_write:  # also if the write was refused, as that of an old event is
                raise Died


@dataclass
class ServiceInStory:
    """A service whose consumers and relay do not run: the test calls the handlers itself."""

    service: ServiceSpec
    runtime: ServiceRuntime
    use_cases: Any
    deaths: Deaths

    async def handle(self, *events: Message) -> None:
        for event in events:
            for consumer in self.service.consumers:
                if type(event) in consumer.on:
                    await consumer.handle(self.use_cases, event)

    async def stored(self) -> dict[str, list[dict[str, Any]]]:
        """Everything in the service's database; of staged events only the ids."""
        database: Any = self.runtime.mongo.database
        state = {}
        for name in sorted(await database.list_collection_names()):
            documents = await database[name].find({}).sort("_id", 1).to_list(None)
            for document in documents:
                document["outbox"] = [entry.get("id") for entry in document.get("outbox", [])]
                document.pop("charge_id", None)
            # The service may keep random values in its other collections: the test checks only the keys.
            only_keys = name in self.service.other_collections
            state[name] = [{"_id": document["_id"]} for document in documents] if only_keys else documents
        return state

    async def state_without_versions(self) -> dict[str, list[dict[str, Any]]]:
        """What is stored, without versions and outboxes, which depend on the number of steps."""
        state = await self.stored()
        read_models = {each.collection for each in self.service.read_models}
        for name, documents in state.items():
            for document in documents:
                document.pop("outbox", None)
                if name not in read_models:
                    document.pop("version", None)
        return state


@asynccontextmanager
async def prepared(service: ServiceSpec, story: Story, surroundings: Surroundings) -> AsyncIterator[ServiceInStory]:
    fresh = dataclasses.replace(surroundings, run_id=new_id())
    app = service.create_app(fresh.settings(service.settings, service.name), policy=fresh.policy)
    running: ServiceRuntime = app.state.dependencies.instance
    use_cases = app.state.dependencies.use_cases
    await running.broker.connect()
    for create_indexes in running.indexes:
        await create_indexes()
    await story.before(use_cases)
    deaths = Deaths()
    for part in vars(use_cases).values():
        if hasattr(part, "collection"):
            part.collection = InterceptedCollection(part.collection, deaths.around)
    yield ServiceInStory(service, running, use_cases, deaths)
    await running.broker.close()
    await running.mongo.close()
