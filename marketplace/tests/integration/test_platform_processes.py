"""The addresses and the stop order of the platform's processes on one machine."""

import os
import sys
from pathlib import Path

import psutil
import pytest

from marketplace.platform import Platform
from marketplace.registry import SERVICE_NAMES
from marketplace.settings import PlatformSettings


@pytest.fixture
def observers(tmp_path: Path, settings: PlatformSettings, monkeypatch: pytest.MonkeyPatch) -> None:
    """Programs instead of the services; each writes which servers it can reach when it stops."""
    packages = tmp_path / "fakes"
    for service in SERVICE_NAMES:
        package = packages / service
        package.mkdir(parents=True)
        (package / "__main__.py").write_text(Path(__file__).with_name("fake_observer.py").read_text())
        (package / "consumers.py").write_text("CONSUMERS = ()")
        (package / "__init__.py").touch()
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(packages), *filter(None, sys.path)]))
    monkeypatch.setenv("GATEWAY_PORT", str(settings.gateway_port))


@pytest.mark.usefixtures("observers")
async def test_the_gateway_stops_before_the_services_and_the_stores_after_them(settings: PlatformSettings) -> None:
    """Therefore no request arrives at a service that stops, and each service can finish its work."""
    async with Platform(settings) as platform:
        logs = {service: platform.log_path(service) for service in SERVICE_NAMES}
    expected = "gateway does not answer\nnats answers\nmongod answers\n"
    assert {service: log.read_text() for service, log in logs.items()} == dict.fromkeys(SERVICE_NAMES, expected)


@pytest.mark.usefixtures("observers")
async def test_every_process_listens_on_the_loopback_address_alone(settings: PlatformSettings) -> None:
    """They ask for no password, so other machines must not reach them."""
    async with Platform(settings) as platform:
        for name in ("mongod", "nats", *SERVICE_NAMES, "gateway"):
            connections = psutil.Process(platform.pid(name)).net_connections(kind="inet")
            addresses = {each.laddr.ip for each in connections if each.status == psutil.CONN_LISTEN}
            assert addresses == {"127.0.0.1"}, name
