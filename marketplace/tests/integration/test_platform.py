from pathlib import Path

import pytest

from devkit.servers import ServerFailed, is_taken
from marketplace.errors import PlatformError
from marketplace.platform import Platform
from marketplace.registry import SERVICE_NAMES
from marketplace.settings import PlatformSettings


def ports_in_use(settings: PlatformSettings) -> list[int]:
    return [port for port in range(settings.gateway_port, settings.gateway_port + 30) if is_taken(port)]


async def test_a_process_that_is_killed_comes_back_ready(platform: Platform) -> None:
    for name in ("mongod", "nats", "auth", "orders-2", "gateway"):
        before = platform.pid(name)
        await platform.kill(name)
        await platform.until_ready(name)
        assert platform.pid(name) != before


async def test_every_process_has_a_log_of_its_own_and_the_run_before_is_kept(
    fake_services: Path, settings: PlatformSettings
) -> None:
    for _ in range(2):
        async with Platform(settings) as platform:
            log = platform.log_path("orders")
            assert log.read_text() == "orders listens\n"
    assert log.with_name("orders.previous.log").read_text() == "orders listens\n"


async def test_leaving_stops_everything_and_frees_the_folder(fake_services: Path, settings: PlatformSettings) -> None:
    for _ in range(2):
        async with Platform(settings):
            assert len(ports_in_use(settings)) == len(SERVICE_NAMES) + 4  # mongod, nats and its monitor, gateway
        assert ports_in_use(settings) == []


async def test_two_platforms_cannot_share_a_folder(platform: Platform) -> None:
    with pytest.raises(PlatformError, match=r"Another platform \(process \d+\) uses .*DATA_DIR and GATEWAY_PORT"):
        async with Platform(platform.settings):
            pass
    await platform.until_ready()


async def test_a_port_that_is_taken_is_named_with_the_way_out(platform: Platform, tmp_path: Path) -> None:
    port = platform.settings.gateway_port
    beside = PlatformSettings(gateway_port=port - 5, data_dir=tmp_path / "other")
    with pytest.raises(PlatformError, match=f"Port {port}, for payments, is taken .*GATEWAY_PORT"):
        async with Platform(beside):
            pass
    await platform.until_ready()


async def test_a_service_that_dies_while_starting_is_named_and_everything_is_stopped(
    fake_services: Path, settings: PlatformSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAKE_ORDERS", "bad setting")
    with pytest.raises(ServerFailed) as failed:
        async with Platform(settings):
            pass
    expected = "orders stopped while starting (exit code 1): PORT: is not to its liking (its log: "
    assert failed.value.in_one_line.startswith(expected)
    assert ports_in_use(settings) == []


async def test_a_name_that_does_not_exist_is_answered_with_those_that_do(platform: Platform) -> None:
    with pytest.raises(ValueError, match="there is no process order; there are: mongod, nats, auth"):
        platform.pid("order")
    with pytest.raises(ValueError, match="instances: there is no service order"):
        Platform(platform.settings, {"order": 2})
