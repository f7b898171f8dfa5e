import logging
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import httpx
import pytest
import structlog
from common.tests.services import SERVICES, ServiceUnderTest
from fastapi import FastAPI

from common.runtime.logging import LogFormat, LogLevel, configure_logging
from devkit.testing.keys import KeyPair

NOWHERE = "127.0.0.1:1"


@pytest.fixture(params=SERVICES, ids=str)
def service(request: pytest.FixtureRequest) -> ServiceUnderTest:
    """Each service."""
    chosen: ServiceUnderTest = request.param
    return chosen


@pytest.fixture
async def app(service: ServiceUnderTest, keys: KeyPair) -> AsyncIterator[FastAPI]:
    """The real application of the service, not started: these tests need neither database nor broker."""
    values: dict[str, Any] = {
        "port": 1,
        "mongo_url": f"mongodb://{NOWHERE}",
        "nats_url": f"nats://{NOWHERE}",
        "token_public_key": keys.public,
        "token_private_key": keys.private,
    }
    known = {name: value for name, value in values.items() if name in service.spec.settings.model_fields}
    application = service.spec.create_app(service.spec.settings(**known))
    yield application
    await application.state.dependencies.instance.mongo.close()


@pytest.fixture
async def client(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://service") as client:
        yield client


ReadLog = Callable[[], str]


@pytest.fixture
def log_as(capsys: pytest.CaptureFixture[str]) -> Iterator[Callable[..., ReadLog]]:
    """Log like a service process. Returns a function that reads the lines since its last call."""
    root = logging.getLogger()
    handlers, level = root.handlers, root.level

    def start(service: str = "tickets", log_level: LogLevel = "debug", log_format: LogFormat = "json") -> ReadLog:
        configure_logging(service, log_level, log_format)
        structlog.configure(
            cache_logger_on_first_use=False
        )  # a cached logger would keep this configuration in later tests
        capsys.readouterr()
        return lambda: capsys.readouterr().out

    yield start
    root.handlers, root.level = handlers, level
    structlog.reset_defaults()
