"""A child process that cannot outlive its parent, and that is always reaped."""

import asyncio
import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

_POLL_SECONDS = 0.02
_TAIL_BYTES = 16_384
_PR_SET_PDEATHSIG = 1

# Loaded here, in the parent: between fork and exec only the bare system calls are safe.
_libc = ctypes.CDLL(None) if sys.platform == "linux" else None


class ChildProcess:
    """Runs a command in a session of its own, so that Ctrl-C in the terminal reaches the parent alone.

    Its output is appended to a log file by the child itself: no pipe that could fill up, or break.
    """

    def __init__(self, name: str, log_path: Path) -> None:
        self.name = name
        self.log_path = log_path
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def is_running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int:
        if self._process is None:
            raise RuntimeError(f"{self.name} was not started")
        return self._process.pid

    @property
    def ending(self) -> str:
        """How it ended, in words."""
        code = self._process.poll() if self._process else None
        if code is None:
            return "running" if self._process else "not started"
        return f"signal {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"

    def spawn(self, command: Sequence[str], environment: Mapping[str, str] | None = None) -> None:
        if self.is_running:
            raise RuntimeError(f"{self.name} is already running")
        self.log_path.parent.mkdir(parents=True, exist_ok=True)
        with self.log_path.open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603 - commands are built by this package, no shell
                command,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                preexec_fn=_die_with(os.getpid()),  # noqa: PLW1509 - only system calls inside, see above
            )

    async def wait(self, seconds: float | None = None) -> bool:
        """Wait for the end of the process; False if it still runs after that time."""
        deadline = None if seconds is None else time.monotonic() + seconds
        while self.is_running:
            if deadline is not None and time.monotonic() >= deadline:
                return False
            await asyncio.sleep(_POLL_SECONDS)
        return True

    async def stop(self, grace_seconds: float = 5.0) -> None:
        """Ask it to end; after the grace period, end it."""
        self.signal(signal.SIGTERM)
        self.resume()  # a paused process sees no other signal
        if not await self.wait(grace_seconds):
            await self.kill()

    async def kill(self) -> None:
        """SIGKILL: as a crash, or the loss of the machine, would end it."""
        self.signal(signal.SIGKILL)
        await self.wait()

    def pause(self) -> None:
        """SIGSTOP: it keeps its connections and answers nothing."""
        self.signal(signal.SIGSTOP)
        if (
            sys.platform == "linux" and self.is_running
        ):  # the signal only asks for the stop: its threads may run on for a moment
            os.waitid(os.P_PID, self.pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)

    def resume(self) -> None:
        self.signal(signal.SIGCONT)

    def signal(self, number: signal.Signals) -> None:
        """Send a signal; nothing happens if the process has ended."""
        if self._process is not None:
            self._process.send_signal(number)

    def last_lines(self, count: int) -> str:
        """Return the end of its log."""
        try:
            with self.log_path.open("rb") as log:
                log.seek(max(0, log.seek(0, os.SEEK_END) - _TAIL_BYTES))
                lines = log.read().decode(errors="replace").splitlines()
        except FileNotFoundError:
            return ""
        return "\n".join([line for line in lines if line.strip()][-count:])


def _die_with(parent: int) -> Callable[[], None] | None:
    """Have the kernel kill the child when its parent dies, however it dies. Linux only.

    To the kernel the parent is the thread that started the child: start children from the main thread.
    """
    if _libc is None:
        return None

    def ask_the_kernel() -> None:
        _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:  # it died before we could ask
            os._exit(1)

    return ask_the_kernel
