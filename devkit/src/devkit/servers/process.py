"""A child process that ends with its parent (on Linux), and that leaves no zombie."""

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

# Loaded in the parent: between fork and exec, only system calls are safe.
_libc = ctypes.CDLL(None) if sys.platform == "linux" else None


class ChildProcess:
    """Runs a command in its own session, so that Ctrl-C in the terminal signals only the parent.

    The child writes its output to the end of a log file itself, and not to a pipe, which could fill up or break.
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
        """How the process ended, such as `exit code 1` or `signal SIGKILL`."""
        code = self._process.poll() if self._process else None
        if code is None:
            return "running" if self._process else "not started"
        return f"signal {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"

    def spawn(self, command: Sequence[str], environment: Mapping[str, str] | None = None) -> None:
        """Start the process. Without `environment` it inherits the variables of this process."""
        if self.is_running:
            raise RuntimeError(f"{self.name} is already running")
        self.log_path.parent.mkdir(parents=True, exist_ok=True)
        with self.log_path.open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603 - the callers are our own code, and there is no shell
                command,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                preexec_fn=_die_with(os.getpid()),  # noqa: PLW1509 - it makes only system calls
            )

    async def wait(self, seconds: float | None = None) -> bool:
        """Wait until the process has ended; return False if it still runs after that time."""
        deadline = None if seconds is None else time.monotonic() + seconds
        while self.is_running:
            if deadline is not None and time.monotonic() >= deadline:
                return False
            await asyncio.sleep(_POLL_SECONDS)
        return True

    async def stop(self, grace_seconds: float = 5.0) -> None:
        """Send SIGTERM, and SIGKILL if the process still runs after that time."""
        self.signal(signal.SIGTERM)
        self.resume()  # a paused process handles SIGTERM only after SIGCONT
        if not await self.wait(grace_seconds):
            await self.kill()

    async def kill(self) -> None:
        """Send SIGKILL, which ends the process like a crash, and wait for the end."""
        self.signal(signal.SIGKILL)
        await self.wait()

    def pause(self) -> None:
        """Send SIGSTOP: the process keeps its connections and does not answer. Returns when it has stopped."""
        self.signal(signal.SIGSTOP)
        if sys.platform == "linux" and self.is_running:  # its threads may still run for a moment after the signal
            os.waitid(os.P_PID, self.pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)

    def resume(self) -> None:
        """Send SIGCONT: the process runs on after pause()."""
        self.signal(signal.SIGCONT)

    def signal(self, number: signal.Signals) -> None:
        """Send a signal; do nothing if the process has ended."""
        if self._process is not None:
            self._process.send_signal(number)

    def last_lines(self, count: int) -> str:
        """Return the last lines of its log that are not empty."""
        try:
            with self.log_path.open("rb") as log:
                log.seek(max(0, log.seek(0, os.SEEK_END) - _TAIL_BYTES))
                lines = log.read().decode(errors="replace").splitlines()
        except FileNotFoundError:
            return ""
        return "\n".join([line for line in lines if line.strip()][-count:])


def _die_with(parent: int) -> Callable[[], None] | None:
    """Return a function that makes the kernel kill the child when its parent dies for any reason. Linux only.

    The kernel takes the thread that started the child for the parent: start children from the main thread.
    """
    if _libc is None:
        return None

    def ask_the_kernel() -> None:
        _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:  # the parent died before prctl
            os._exit(1)

    return ask_the_kernel
