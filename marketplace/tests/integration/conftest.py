import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from devkit.servers import free_port
from devkit.servers.mongod import Mongod
from devkit.servers.nats_server import NatsServer
from devkit.testing.events import EventStreams
from marketplace.platform import Platform
from marketplace.registry import SERVICE_NAMES
from marketplace.settings import PlatformSettings

_SPEC = """
from common.runtime.service_spec import ServiceSpec
from common.runtime.settings import ServiceSettings

SPEC = ServiceSpec("{service}", "", create_app=lambda settings: None, settings=ServiceSettings)
"""


@pytest.fixture
def fake_services(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Every child process finds fakes in place of the services; they start fast, and misbehave when told to."""
    packages = tmp_path / "fakes"
    for service in SERVICE_NAMES:
        package = packages / service
        package.mkdir(parents=True)
        (package / "__main__.py").write_text(Path(__file__).with_name("fake_service.py").read_text())
        (package / "spec.py").write_text(_SPEC.format(service=service))
        (package / "__init__.py").touch()
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(packages), *filter(None, sys.path)]))
    return packages


@pytest.fixture
def settings(tmp_path: Path) -> PlatformSettings:
    return PlatformSettings(gateway_port=free_port(in_a_row=30), data_dir=tmp_path / "data")


@pytest.fixture
async def platform(fake_services: Path, settings: PlatformSettings) -> AsyncIterator[Platform]:
    async with Platform(settings, {"orders": 2}) as platform:
        yield platform


@pytest.fixture
def environment(mongod: Mongod, nats_server: NatsServer, streams: EventStreams) -> dict[str, str]:
    """Of a command that is to find the servers of the tests."""
    return {**os.environ, "MONGO_URL": mongod.url, "NATS_URL": nats_server.url}
