"""Restarts a server when its process ends, as Kubernetes does.

We do not use the process manager honcho for this, because it stops all processes when one of them ends.
"""

import asyncio
import time
from collections.abc import Callable

from devkit.servers import BinaryMissing, Server, ServerFailed

_FIRST_PAUSE = 0.2
_LONGEST_PAUSE = 10.0
_STABLE_SECONDS = 10.0
"""The pause before the first restart is 0.2 s. It doubles before each further restart, but is never longer than 10 s.

If the server runs longer than _STABLE_SECONDS before it ends again, the next pause is 0.2 s again.
"""


class Supervisor:
    """Watches one server, and starts it again when it ends.

    The supervisor calls `report` with one line of text when the server has ended, and when a restart begins or fails.
    After a call of restart(), it also reports that the server is ready again.
    """

    def __init__(self, server: Server, report: Callable[[str], None]) -> None:
        self.server = server
        self._report = report
        self._watch: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Start the server, and return when it is ready. From then on, restart the server whenever it ends.

        Raises ServerFailed or BinaryMissing if the first start fails.
        """
        await self.server.start()
        self._watch = asyncio.create_task(self._keep_running())

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

    async def _keep_running(self) -> None:
        pause = _FIRST_PAUSE
        while True:
            started = time.monotonic()
            await self.server.wait()
            why = f"{self.server.name} stopped ({self.server.ending})"
            if time.monotonic() - started > _STABLE_SECONDS:
                pause = _FIRST_PAUSE
            while why:
                self._report(f"{why}. Starting it again in {pause:g} s.")
                await asyncio.sleep(pause)
                pause = min(pause * 2, _LONGEST_PAUSE)
                why = await self._failure_of_a_start()

    async def _failure_of_a_start(self) -> str:
        try:
            await self.server.start()
        except ServerFailed as failure:
            return failure.in_one_line
        except (BinaryMissing, OSError) as failure:
            return f"{self.server.name} cannot start: {failure}"
        return ""
