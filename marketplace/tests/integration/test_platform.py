from pathlib import Path

import pytest

from devkit.servers import ServerFailed, is_taken
from marketplace.errors import PlatformError
from marketplace.platform import Platform
from marketplace.registry import SERVICE_NAMES
from marketplace.settings import PlatformSettings


def ports_in_use(settings: PlatformSettings) -> list[int]:
    return [port for port in range(settings.gateway_port, settings.gateway_port + 30) if is_taken(port)]


@pytest.mark.slow
async def test_a_process_that_is_killed_comes_back_ready(platform: Platform) -> None:
    for name in ("mongod", "nats", "auth", "orders-2", "gateway"):
        before = platform.pid(name)
        await platform.kill(name)
        await platform.until_ready(name)
        assert platform.pid(name) != before


@pytest.mark.slow
async def test_every_process_has_its_own_log_and_the_previous_one_is_kept(
    fake_services: Path, settings: PlatformSettings
) -> None:
    for _ in range(2):
        async with Platform(settings) as platform:
            log = platform.log_path("orders")
            assert log.read_text() == "orders listens\n"
    assert log.with_name("orders.previous.log").read_text() == "orders listens\n"


@pytest.mark.slow
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


async def test_the_error_for_a_taken_port_says_what_to_do(platform: Platform, tmp_path: Path) -> None:
    port = platform.settings.gateway_port
    beside = PlatformSettings(gateway_port=port - 5, data_dir=tmp_path / "other")
    with pytest.raises(PlatformError, match=f"Another program uses port {port}, which payments needs. .*GATEWAY_PORT"):
        async with Platform(beside):
            pass
    await platform.until_ready()


async def test_a_service_that_dies_while_starting_is_named_and_all_processes_are_stopped(
    fake_services: Path, settings: PlatformSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAKE_ORDERS", "bad setting")
    with pytest.raises(ServerFailed) as failed:
        async with Platform(settings):
            pass
    expected = "orders stopped while starting (exit code 1): PORT: not accepted (its log: "
    assert failed.value.in_one_line.startswith(expected)
    assert ports_in_use(settings) == []


async def test_an_unknown_process_is_refused_with_the_known_names(platform: Platform) -> None:
    with pytest.raises(ValueError, match="there is no process order; there are: mongod, nats, auth"):
        platform.pid("order")
    with pytest.raises(ValueError, match="instances: there is no service order"):
        Platform(platform.settings, {"order": 2})
