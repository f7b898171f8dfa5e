import os
import sys
from collections.abc import AsyncIterator
from importlib.util import find_spec
from pathlib import Path

import pytest

from devkit.servers import free_port
from devkit.servers.mongod import Mongod
from devkit.servers.nats_server import NatsServer
from devkit.testing.events import EventStreams
from marketplace.platform import Platform
from marketplace.registry import SERVICE_NAMES
from marketplace.settings import PlatformSettings


@pytest.fixture
def fake_services(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Every child process finds fakes in place of the five services; they start fast, and misbehave when told to."""
    packages = tmp_path / "fakes"
    for service in SERVICE_NAMES:
        package = packages / service
        package.mkdir(parents=True)
        (package / "__main__.py").write_text(Path(__file__).with_name("fake_service.py").read_text())
        real = find_spec(service)
        assert real is not None
        # Every other module of the package is the real one.
        (package / "__init__.py").write_text(f"__path__ += {real.submodule_search_locations!r}\n")
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
