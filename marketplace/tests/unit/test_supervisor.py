import asyncio
import operator
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial
from pathlib import Path

import pytest

from devkit.servers import Fault, Server, ServerFailed, free_port
from devkit.testing.eventually import eventually
from marketplace.errors import PlatformError
from marketplace.supervisor import Supervisor


class Sleeper(Server):
    """Is ready at once. While it is `ill`, every new process ends at once; while it is `slow`, it never answers."""

    ill = False
    slow = False
    found: Fault | None = None
    checks = 0

    def command(self) -> list[str]:
        program = "print('ill'); raise SystemExit(3)" if self.ill else "import time; time.sleep(60)"
        return [sys.executable, "-c", program]

    async def answers(self) -> bool:
        return not (self.ill or self.slow)

    async def fault(self) -> Fault | None:
        self.checks += 1
        return self.found


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Sleeper]:
    server = Sleeper("sleeper", free_port(), tmp_path / "sleeper.log")
    yield server
    await server.kill()


async def test_a_server_that_dies_is_started_again_and_one_line_says_so(server: Sleeper) -> None:
    said: list[str] = []
    supervisor = Supervisor(server, said.append)
    await supervisor.start()
    first = server.pid
    await server.kill()
    await eventually(server.is_ready, what="the server is back")
    assert server.pid != first
    assert said == ["sleeper stopped (signal SIGKILL). Starting it again in 0.2 s."]
    await supervisor.stop_watching()


async def test_the_pauses_grow_while_it_keeps_dying(server: Sleeper) -> None:
    said: asyncio.Queue[str] = asyncio.Queue()
    supervisor = Supervisor(server, said.put_nowait)
    await supervisor.start()
    server.ill = True
    server.signal(signal.SIGKILL)
    async with asyncio.timeout(10):
        lines = [await said.get() for _ in range(3)]
    assert [line.rpartition(" in ")[2] for line in lines] == ["0.2 s.", "0.4 s.", "0.8 s."]
    assert lines[1].startswith("sleeper stopped while starting (exit code 3): ill (its log: ")
    await supervisor.stop_watching()


async def test_a_server_that_is_not_watched_any_more_stays_stopped(server: Sleeper) -> None:
    said: list[str] = []
    supervisor = Supervisor(server, said.append)
    await supervisor.start()
    await supervisor.stop_watching()
    await server.kill()
    assert not server.is_running
    assert said == []


async def test_a_restart_replaces_the_process_and_supervises_the_new_one(server: Sleeper) -> None:
    said: asyncio.Queue[str] = asyncio.Queue()
    supervisor = Supervisor(server, said.put_nowait)
    await supervisor.start()
    first = server.pid
    await supervisor.restart("a file changed", grace_seconds=5)
    async with asyncio.timeout(10):
        assert await said.get() == "sleeper: a file changed. Restarting it."
        assert (await said.get()).startswith("sleeper is ready again after ")
        assert server.pid != first
        server.signal(signal.SIGKILL)
        assert await said.get() == "sleeper stopped (signal SIGKILL). Starting it again in 0.2 s."
    await supervisor.stop_watching()


async def test_a_restart_that_fails_leaves_the_server_stopped_until_the_next_one(server: Sleeper) -> None:
    said: asyncio.Queue[str] = asyncio.Queue()
    supervisor = Supervisor(server, said.put_nowait)
    await supervisor.start()
    async with asyncio.timeout(10):
        server.ill = True
        await supervisor.restart("a file changed", grace_seconds=5)
        assert await said.get() == "sleeper: a file changed. Restarting it."
        failure = await said.get()
        assert failure.startswith("sleeper stopped while starting (exit code 3): ill (its log: ")
        assert failure.endswith("The next change starts it again.")
        assert not server.is_running
        server.ill = False
        await supervisor.restart("a file changed", grace_seconds=5)
        assert await said.get() == "sleeper: a file changed. Restarting it."
        assert (await said.get()).startswith("sleeper is ready again after ")
    await supervisor.stop_watching()


async def test_a_second_restart_replaces_one_that_is_still_starting(server: Sleeper) -> None:
    said: list[str] = []
    supervisor = Supervisor(server, said.append)
    await supervisor.start()
    before = server.pid
    server.slow = True
    await supervisor.restart("a file changed", grace_seconds=5)
    await eventually(_pid(server), until=lambda seen: seen != before, what="the first restart has begun")
    server.slow = False
    await supervisor.restart("another file changed", grace_seconds=5)
    await eventually(server.is_ready, what="the second restart is done")
    assert [line for line in said if "ready again" not in line] == [
        "sleeper: a file changed. Restarting it.",
        "sleeper: another file changed. Restarting it.",
    ]
    await supervisor.stop_watching()


async def test_a_first_start_that_fails_is_an_error(server: Sleeper) -> None:
    server.ill = True
    with pytest.raises(ServerFailed, match=r"sleeper stopped while starting \(exit code 3\): ill"):
        await Supervisor(server, print).start()


@pytest.mark.slow
async def test_a_server_with_a_fault_is_restarted_only_when_that_helps(server: Sleeper) -> None:
    """So there are no restarts while the disk is full. One line says that it is, not one per check."""
    said: list[str] = []
    supervisor = Supervisor(server, said.append)
    await supervisor.start()
    first = server.pid
    server.found = Fault("it stores nothing, the disk is full", restart_helps=False)
    await eventually(_checks(server), until=lambda checks: checks >= 3, what="three checks")
    assert server.pid == first
    assert said == ["sleeper: it stores nothing, the disk is full. A restart follows as soon as it helps."]
    server.found = Fault("it stores nothing", restart_helps=True)
    await eventually(_pid(server), until=lambda pid: pid != first, what="a restart")
    server.found = None
    assert said[1:] == [
        "sleeper: it stores nothing. Restarting it.",
        "sleeper stopped (signal SIGTERM). Starting it again in 0.2 s.",
    ]
    await supervisor.stop_watching()


async def test_each_start_is_followed_by_what_the_server_needs(server: Sleeper) -> None:
    """What NATS needs are streams and consumers: somebody may have deleted its folder."""
    starts: list[int] = []
    said: list[str] = []

    async def prepare() -> None:
        starts.append(server.pid)
        if len(starts) == 2:
            raise PlatformError("The streams could not be created.")

    async def number_of_starts() -> int:
        return len(starts)

    supervisor = Supervisor(server, said.append, prepare)
    await supervisor.start()
    assert starts == [server.pid]
    await server.kill()
    await eventually(number_of_starts, until=lambda number: number == 3, what="a second attempt")
    assert starts[1:] == [server.pid] * 2
    assert said[-1] == "The streams could not be created. Trying again in 0.2 s."
    await supervisor.stop_watching()


async def test_a_server_that_dies_again_before_it_got_what_it_needs_is_started(server: Sleeper) -> None:
    starts: list[int] = []

    async def never_done() -> None:
        starts.append(server.pid)
        if len(starts) > 1:
            await asyncio.Event().wait()

    async def number_of_starts() -> int:
        return len(starts)

    supervisor = Supervisor(server, print, never_done)
    await supervisor.start()
    for number in (2, 3):
        await server.kill()
        await eventually(number_of_starts, until=partial(operator.eq, number), what="a start")
    await supervisor.stop_watching()


def _checks(server: Sleeper) -> Callable[[], Awaitable[int]]:
    async def checks() -> int:
        return server.checks

    return checks


def _pid(server: Sleeper) -> Callable[[], Awaitable[int]]:
    async def pid() -> int:
        return server.pid

    return pid
