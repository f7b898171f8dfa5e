"""Restarts a server when its process ends, or when only a restart can repair it, as Kubernetes does.

We do not use the process manager honcho for this, because it stops all processes when one of them ends.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable

from devkit.servers import BinaryMissing, Server, ServerFailed
from marketplace.errors import PlatformError

_FIRST_PAUSE = 0.2
_LONGEST_PAUSE = 10.0
_STABLE_SECONDS = 10.0
"""The pause before the first restart is 0.2 s. It doubles before each further restart, but is never longer than 10 s.

If the server runs longer than _STABLE_SECONDS before it ends again, the next pause is 0.2 s again.
"""
_CHECK_SECONDS = 1.0
"""The time between two checks of a running server. It determines how long the server stays without a needed restart."""
_FAULT_GRACE = 1.0


async def _nothing() -> None:
    pass


class Supervisor:
    """Watches one server, and starts it again when it ends, or when it has a fault that a restart repairs.

    The supervisor calls `report` with one line of text when the server has ended or has a fault, and when a restart
    begins or fails. After a call of restart(), it also reports that the server is ready again.

    After each start of the server, the supervisor calls `after_start`. It may raise PlatformError.
    """

    def __init__(
        self, server: Server, report: Callable[[str], None], after_start: Callable[[], Awaitable[None]] = _nothing
    ) -> None:
        self.server = server
        self._report = report
        self._after_start = after_start
        self._watch: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Start the server, and return when it is ready and `after_start` is done.

        From then on, restart the server whenever it ends. Raises ServerFailed, BinaryMissing or PlatformError if the
        first start or `after_start` fails.
        """
        await self.server.start()
        await self._after_start()
        self._watch = asyncio.create_task(self._keep_running(after_start_is_done=True))

    async def restart(self, why: str, grace_seconds: float) -> None:
        """Begin to restart the server. The method does not wait for the restart, which continues in the background.

        If the server has not stopped after `grace_seconds`, the supervisor kills it. If an earlier restart is not
        finished, the method cancels the earlier restart. If the server fails to start, the supervisor reports the
        reason in one line. Then the server stays stopped until the next call of this method, or of start().
        """
        await self.stop_watching()
        self._report(f"{self.server.name}: {why}. Restarting it.")
        self._watch = asyncio.create_task(self._restart(grace_seconds))

    async def stop_watching(self) -> None:
        """Stop the automatic restarts. A server that is running continues to run.

        If a restart is starting the server at this moment, the method cancels the restart and kills the server.
        """
        if self._watch is not None:
            self._watch.cancel()
            await asyncio.gather(self._watch, return_exceptions=True)
            self._watch = None

    async def _restart(self, grace_seconds: float) -> None:
        began = time.monotonic()
        await self.server.stop(grace_seconds)
        if failure := await self._failure_of_a_start():
            self._report(f"{failure}. The next change starts it again.")
            return
        self._report(f"{self.server.name} is ready again after {time.monotonic() - began:.1f} s.")
        await self._keep_running()

    async def _keep_running(self, *, after_start_is_done: bool = False) -> None:
        pause = _FIRST_PAUSE
        while True:
            started = time.monotonic()
            await self._until_it_ends(after_start_is_done=after_start_is_done)
            after_start_is_done = False
            why = f"{self.server.name} stopped ({self.server.ending})"
            if time.monotonic() - started > _STABLE_SECONDS:
                pause = _FIRST_PAUSE
            while why:
                self._report(f"{why}. Starting it again in {pause:g} s.")
                await asyncio.sleep(pause)
                pause = min(pause * 2, _LONGEST_PAUSE)
                why = await self._failure_of_a_start()

    async def _until_it_ends(self, *, after_start_is_done: bool) -> None:
        work = [self._stop_it_when_a_restart_helps()] + ([] if after_start_is_done else [self._do_after_start()])
        meanwhile = asyncio.gather(*work)
        try:
            await self.server.wait()
        finally:
            meanwhile.cancel()
            await asyncio.gather(meanwhile, return_exceptions=True)

    async def _do_after_start(self) -> None:
        pause = _FIRST_PAUSE
        while True:
            try:
                return await self._after_start()
            except PlatformError as failure:
                self._report(f"{failure} Trying again in {pause:g} s.")
            await asyncio.sleep(pause)
            pause = min(pause * 2, _LONGEST_PAUSE)

    async def _stop_it_when_a_restart_helps(self) -> None:
        is_reported = False
        while True:
            await asyncio.sleep(_CHECK_SECONDS)
            fault = await self.server.fault()
            if fault and fault.restart_helps:
                self._report(f"{self.server.name}: {fault.reason}. Restarting it.")
                return await self.server.stop(_FAULT_GRACE)
            if fault and not is_reported:
                self._report(f"{self.server.name}: {fault.reason}. A restart follows as soon as it helps.")
            is_reported = fault is not None

    async def _failure_of_a_start(self) -> str:
        try:
            await self.server.start()
        except ServerFailed as failure:
            return failure.in_one_line
        except (BinaryMissing, OSError) as failure:
            return f"{self.server.name} cannot start: {failure}"
        return ""
