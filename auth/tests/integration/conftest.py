from collections.abc import AsyncIterator

import httpx
import pytest

from auth.main import create_app
from auth.settings import AuthSettings
from devkit.testing.running import RunningService, Surroundings


@pytest.fixture
async def running(surroundings: Surroundings) -> AsyncIterator[RunningService]:
    settings = surroundings.settings(AuthSettings, "auth")
    async with surroundings.running(lambda: create_app(settings)) as running:
        yield running


@pytest.fixture
def browser(running: RunningService) -> httpx.AsyncClient:
    """A client that keeps the cookies that it receives."""
    return running.client()
