"""Running services with an Idempotency-Key, and their clock."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from functools import partial

import pytest

import orders.spec
import payments.spec
import tickets.spec
from common.runtime.service_spec import ServiceSpec
from devkit.testing.clock import SettableClock
from devkit.testing.running import RunningService, Surroundings


@pytest.fixture
def clock() -> SettableClock:
    return SettableClock()


@pytest.fixture
async def ordering(surroundings: Surroundings, clock: SettableClock) -> AsyncIterator[RunningService]:
    async with _running(orders.spec.SPEC, surroundings, clock) as running:
        yield running


@pytest.fixture
async def paying(surroundings: Surroundings, clock: SettableClock) -> AsyncIterator[RunningService]:
    async with _running(payments.spec.SPEC, surroundings, clock) as running:
        yield running


@pytest.fixture
async def selling(surroundings: Surroundings, clock: SettableClock) -> AsyncIterator[RunningService]:
    async with _running(tickets.spec.SPEC, surroundings, clock) as running:
        yield running


def _running(
    spec: ServiceSpec, surroundings: Surroundings, clock: SettableClock
) -> AbstractAsyncContextManager[RunningService]:
    settings = surroundings.settings(spec.settings, spec.name)
    create_app = partial(spec.create_app, settings, clock=clock, policy=surroundings.policy)
    return surroundings.running(create_app, spec.consumers)
