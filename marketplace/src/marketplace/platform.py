"""Runs the whole platform on one machine: MongoDB, NATS, the services and the gateway, as child processes."""

import asyncio
import signal
import time
from collections.abc import Coroutine, Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

from devkit.servers import Server, is_taken
from marketplace.bounded_provisioning import provision_within
from marketplace.data_dir import DataDir
from marketplace.errors import PlatformError
from marketplace.keys import load_or_create_keys
from marketplace.output import Output
from marketplace.parts import Parts, make_parts
from marketplace.probes import accepts_connections, hosts_of
from marketplace.provisioning import replica_warnings
from marketplace.registry import SERVICE_NAMES
from marketplace.settings import PlatformSettings
from marketplace.supervisor import Supervisor

_POLL_SECONDS = 0.05

# The platform stops the gateway, then all services at the same time, then NATS, and then mongod. Each number is the
# time in seconds that a process has to end. If a process needs longer, the platform kills it. So the platform stops
# within about 10 s, the sum of the four times. Killing a process loses no data. What mongod and NATS have acknowledged
# is already on the disk. After the next start, the services complete the work that is unfinished.
_GATEWAY_GRACE, _SERVICE_GRACE, _NATS_GRACE, _MONGOD_GRACE = 1.0, 6.0, 1.5, 1.5
# If restart() stops a process, the process has this time in seconds to end. After that, the platform kills it. The time
# is short, because a developer who uses `marketplace dev` waits for the restart.
_RESTART_GRACE = 1.0


class Platform:
    """Starts all processes when `async with` begins, and stops them when it ends.

    `instances` maps the name of a service to the number of its instances. A service that is not in `instances` has one
    instance. The names of the processes are mongod, nats, gateway, the names of the services, such as orders, and names
    such as orders-2 for the second instance of a service. If `verbose` is true, the platform prints the logs of the
    services. If the platform cannot start, `async with` stops all processes, and raises PlatformError, ServerFailed or
    BinaryMissing.
    """

    def __init__(
        self, settings: PlatformSettings, instances: Mapping[str, int] | None = None, *, verbose: bool = False
    ) -> None:
        self.settings = settings
        self.url = settings.url
        self._instances = dict(instances or {})
        if unknown := self._instances.keys() - set(SERVICE_NAMES):
            raise ValueError(f"instances: there is no service {', '.join(sorted(unknown))}")
        self._data_dir = DataDir(settings.data_dir)
        self._output = Output(verbose=verbose)
        self._showing: asyncio.Task[None] | None = None
        self._parts: Parts | None = None
        self._supervisors: dict[str, Supervisor] = {}

    @property
    def mongo_url(self) -> str:
        return self._entered.mongo_url

    @property
    def nats_url(self) -> str:
        return self._entered.nats_url

    def pid(self, name: str) -> int:
        return self._supervisor(name).server.pid

    def log_path(self, name: str) -> Path:
        """Return the path of the log file of this process.

        Each start of the platform begins a new log file. The old file, which contains the log of the previous run of
        the platform, is then named <name>.previous.log.
        """
        return self._supervisor(name).server.log_path

    async def kill(self, name: str, *, restart: bool = True) -> None:
        """Send SIGKILL to one process. By default, the platform then restarts the process.

        If `restart` is false, the process stays stopped until you call start().
        """
        supervisor = self._supervisor(name)
        if not restart:
            await supervisor.stop_watching()
        await supervisor.server.kill()

    async def terminate(self, name: str, *, grace_seconds: float = 10) -> str:
        """Stop one process. If the process is still running after `grace_seconds`, kill it.

        Return a text that says how the process ended. The process stays stopped until you call start().
        """
        supervisor = self._supervisor(name)
        await supervisor.stop_watching()
        await supervisor.server.stop(grace_seconds)
        return supervisor.server.ending

    async def start(self, name: str) -> None:
        """Start a process that is stopped. Return when the process is ready."""
        await self._supervisor(name).start()

    async def restart(self, name: str, why: str) -> None:
        """Begin to restart one process, and return before the process is ready. The platform prints the reason `why`.

        If the process fails to start, the platform prints an error, but raises no exception.
        """
        await self._supervisor(name).restart(why, _RESTART_GRACE)

    def show_line(self, line: str) -> None:
        """Print a message, after the log lines that the services have written before."""
        self._output.show_line(line)

    def pause(self, name: str) -> None:
        """Send SIGSTOP to one process. Until resume(), the process keeps its connections, but does not answer."""
        self._supervisor(name).server.pause()

    def resume(self, name: str) -> None:
        self._supervisor(name).server.resume()

    async def until_ready(self, *names: str, seconds: float = 30) -> None:
        """Wait until the processes with these names are ready. Without names, wait for all processes.

        If a process is not ready `seconds` after the call, raise TimeoutError. Its message names this process.
        """
        deadline = time.monotonic() + seconds
        for name in names or self._supervisors:
            while not await self._supervisor(name).server.is_ready():
                if time.monotonic() >= deadline:
                    raise TimeoutError(f"{name} is not ready after {seconds:g} s")
                await asyncio.sleep(_POLL_SECONDS)

    def kill_everything(self) -> None:
        """Send the signal SIGKILL to all processes of the platform, and return without waiting for their end."""
        for supervisor in self._supervisors.values():
            supervisor.server.signal(signal.SIGKILL)

    async def __aenter__(self) -> Self:
        self._data_dir.open()
        try:
            await self._start()
        except BaseException:
            await self._stop()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stop()

    async def _start(self) -> None:
        keys = load_or_create_keys(self.settings.data_dir / "keys")
        self._parts = parts = make_parts(self.settings, self._instances, keys)
        self._supervisors = {server.name: Supervisor(server, self._output.show_line) for server in parts.all}
        if parts.nats:  # its folder may have been deleted, at any time
            self._supervisors[parts.nats.name] = Supervisor(parts.nats, self._output.show_line, self._provision)
        self._refuse_taken_ports(parts.ports)
        for server in parts.all:
            if server.log_path.exists():
                server.log_path.replace(server.log_path.with_suffix(".previous.log"))
        for service in parts.services:
            self._output.follow(service.name, service.log_path)
        self._showing = asyncio.create_task(self._output.run())

        await _all_of(
            *map(self._start_one, parts.stores),
            self._until_reachable("MongoDB", "MONGO_URL", self.settings.mongo_url),
            self._until_reachable("NATS", "NATS_URL", self.settings.nats_url),
        )
        if not parts.nats:
            await self._provision()
        await _all_of(*map(self._start_one, [*parts.services, parts.gateway]))
        self._output.show_new_lines()

    async def _provision(self) -> None:
        for warning in replica_warnings(await provision_within(self.nats_url)):
            self._output.show_line(warning)

    async def _stop(self) -> None:
        """Stop the gateway, then the services, then NATS, then MongoDB.

        In this order, each process can finish its work, because the processes that it needs are still running.
        """
        await asyncio.gather(*(supervisor.stop_watching() for supervisor in self._supervisors.values()))
        if parts := self._parts:
            await parts.gateway.stop(_GATEWAY_GRACE)
            await asyncio.gather(*(service.stop(_SERVICE_GRACE) for service in parts.services))
            if parts.nats:
                await parts.nats.stop(_NATS_GRACE)
            if parts.mongod:
                await parts.mongod.stop(_MONGOD_GRACE)
        if self._showing:
            self._showing.cancel()
            self._output.show_new_lines()
        self._data_dir.close()

    async def _start_one(self, server: Server) -> None:
        await self._supervisors[server.name].start()

    async def _until_reachable(self, what: str, variable: str, url: str | None) -> None:
        if url is None or await accepts_connections(url):
            return
        self._output.show_line(f"Waiting for {what} at {', '.join(hosts_of(url))} ({variable}). Press Ctrl-C to stop.")
        while not await accepts_connections(url):  # noqa: ASYNC110 - the server sends no event that we could wait for
            await asyncio.sleep(_POLL_SECONDS)

    def _refuse_taken_ports(self, ports: Mapping[int, str]) -> None:
        for port, name in sorted(ports.items()):
            if is_taken(port):
                raise PlatformError(
                    f"Another program uses port {port}, which {name} needs. Stop that program, or set another "
                    f"GATEWAY_PORT (now {self.settings.gateway_port}): all ports follow from it."
                )

    def _supervisor(self, name: str) -> Supervisor:
        if name not in self._supervisors:
            raise ValueError(f"there is no process {name}; there are: {', '.join(self._supervisors)}")
        return self._supervisors[name]

    @property
    def _entered(self) -> Parts:
        if self._parts is None:
            raise RuntimeError("the platform runs inside `async with` only")
        return self._parts


async def _all_of(*work: Coroutine[None, None, None]) -> None:
    """Run all coroutines concurrently. If one of them fails, cancel the others and raise its exception.

    If coroutines fail, asyncio.TaskGroup raises all their exceptions as one exception group. This function raises only
    the first exception in this group, so that the caller can catch it by its own class, for example ServerFailed.
    """
    try:
        async with asyncio.TaskGroup() as group:
            for each in work:
                group.create_task(each)
    except BaseExceptionGroup as failures:
        raise failures.exceptions[0] from None
