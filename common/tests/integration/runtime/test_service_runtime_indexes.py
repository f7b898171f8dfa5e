"""The indexes that exist when a service is ready."""

from collections.abc import Iterator
from typing import Any

import pytest
from common.tests.services import SERVICES, ServiceUnderTest
from pymongo.asynchronous.collection import AsyncCollection

from devkit.testing.running import RunningService, Surroundings


@pytest.mark.parametrize("service", SERVICES, ids=str)
async def test_a_ready_service_has_created_all_its_indexes(
    service: ServiceUnderTest, surroundings: Surroundings
) -> None:
    """Compares MongoDB's indexes before and after each part creates its indexes again: none may be added."""
    spec = service.spec
    settings = surroundings.settings(spec.settings, spec.name)
    more = {"policy": surroundings.policy} if spec.consumers else {}
    async with surroundings.running(lambda: spec.create_app(settings, **more), spec.consumers) as running:
        at_start = await indexes(running)
        found = [part for part in parts_of(running) if hasattr(type(part), "create_indexes")]
        parts = [part for part in found if not isinstance(part, AsyncCollection)]  # PyMongo's method has the same name
        at_least = 1 + len(spec.aggregates)  # the outbox relay, which every service has, and the repositories
        assert len(parts) >= at_least, "a part was not found"
        for part in parts:
            await part.create_indexes()
            made = await indexes(running)
            assert made == at_start, f"the indexes of {type(part).__name__} were not made before the service was ready"


async def indexes(running: RunningService) -> set[tuple[str, str]]:
    database: Any = running.runtime.mongo.database
    return {
        (collection, index)
        for collection in await database.list_collection_names()
        for index in await database[collection].index_information()
    }


def parts_of(running: RunningService) -> Iterator[Any]:
    """Every object of our code that the application holds, directly or through another one."""
    waiting: list[Any] = [vars(running.app.state), running.runtime]
    seen: set[int] = set()
    while waiting:
        part = waiting.pop()
        if id(part) in seen:
            continue
        seen.add(id(part))
        if isinstance(part, dict):
            waiting += part.values()
        elif isinstance(part, list | tuple | set | frozenset):
            waiting += part
        elif type(part).__module__.partition(".")[0] in {"common", running.runtime.name} and hasattr(part, "__dict__"):
            yield part
            waiting += vars(part).values()
