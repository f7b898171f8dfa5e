"""`marketplace run` as a process that gets signals."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from marketplace.tests.integration.launcher import ended, launched, until

from devkit.servers import is_taken
from marketplace.registry import SERVICE_NAMES
from marketplace.settings import PlatformSettings

pytestmark = pytest.mark.slow


@pytest.mark.usefixtures("fake_services")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_run_prints_its_address_and_stops_normally_on_a_signal(
    settings: PlatformSettings, number: signal.Signals
) -> None:
    with launched(settings) as process:
        lines = until(process, "/live")
        assert lines[-1] == f"Watch its services and events at {settings.url}/live\n"
        assert lines[-2] == f"Marketplace ready at {settings.url}  (its API: {settings.url}/api/docs)\n"
        assert "orders      orders listens\n" in lines
        children = psutil.Process(process.pid).children()
        assert len(children) == len(SERVICE_NAMES) + 3  # mongod, nats, gateway
        process.send_signal(number)
        assert ended(process, children) == 0


@pytest.mark.usefixtures("fake_services")
def test_closing_the_terminal_stops_everything(settings: PlatformSettings) -> None:
    """It cannot print any more, but must stop its processes."""
    terminal, child_end = os.openpty()
    environment = {"GATEWAY_PORT": str(settings.gateway_port), "DATA_DIR": str(settings.data_dir)}
    with subprocess.Popen(
        [sys.executable, "-P", "-m", "marketplace", "run"],
        env=os.environ | environment,
        stdin=child_end,
        stdout=child_end,
        stderr=child_end,
        start_new_session=True,
    ) as process:
        os.close(child_end)
        said = b""
        while b"ready at" not in said:
            said += os.read(terminal, 4096)
        children = psutil.Process(process.pid).children()
        os.close(terminal)
        process.send_signal(signal.SIGHUP)
        assert ended(process, children) == 0


@pytest.mark.usefixtures("fake_services")
def test_a_second_signal_kills_a_process_that_does_not_stop(settings: PlatformSettings) -> None:
    with launched(settings, FAKE_ORDERS="stubborn") as process:
        until(process, "ready")
        children = psutil.Process(process.pid).children()
        started = time.monotonic()
        process.send_signal(signal.SIGINT)
        until(process, "Stopping")
        process.send_signal(signal.SIGINT)
        assert ended(process, children) == 130
        assert time.monotonic() - started < 5


@pytest.mark.usefixtures("fake_services")
def test_a_signal_during_the_start_ends_it_too(settings: PlatformSettings) -> None:
    elsewhere = f"nats://127.0.0.1:{settings.gateway_port + 29}"
    with launched(settings, NATS_URL=elsewhere) as process:
        until(process, f"Waiting for NATS at 127.0.0.1:{settings.gateway_port + 29} (NATS_URL)")
        children = psutil.Process(process.pid).children()
        process.send_signal(signal.SIGINT)
        assert ended(process, children) == 0


@pytest.mark.skipif(sys.platform != "linux", reason="only the Linux kernel kills the children of a dead parent")
@pytest.mark.usefixtures("fake_services")
def test_nothing_outlives_a_launcher_that_was_killed_and_it_can_start_again(settings: PlatformSettings) -> None:
    with launched(settings) as process:
        until(process, "ready")
        children = psutil.Process(process.pid).children()
        process.kill()
        assert ended(process, children) == -signal.SIGKILL
    with launched(settings) as process:
        until(process, "ready")


@pytest.mark.usefixtures("fake_services")
def test_a_failure_is_one_line_and_status_1(settings: PlatformSettings) -> None:
    with launched(settings, FAKE_ORDERS="bad setting") as process:
        output = "".join(until(process, "orders stopped while starting"))
        assert "Traceback" not in output
        assert process.wait(timeout=10) == 1
    assert not is_taken(settings.gateway_port)


def test_a_bad_setting_is_one_line_and_status_2(settings: PlatformSettings) -> None:
    with launched(settings, LOG_LEVEL="loud") as process:
        lines = until(process, "LOG_LEVEL: 'loud' is not allowed")
        assert len(lines) == 1
        assert process.wait(timeout=10) == 2
    assert not Path(settings.data_dir).exists()
