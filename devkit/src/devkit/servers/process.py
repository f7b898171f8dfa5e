"""A child process. On Linux, the kernel kills the child process when its parent process dies.

After `stop` or `kill`, no zombie process is left.
"""

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

# We load this library in the parent process, because it would not be safe to load it in the child process. A child
# process begins as a copy of its parent (fork), and then runs its own program (exec). Between fork and exec, it can
# safely make only system calls. For anything else, it could wait forever for a lock that another thread of the parent
# held at the time of the copy.
_libc = ctypes.CDLL(None) if sys.platform == "linux" else None


class ChildProcess:
    """Runs a command in its own session, so that Ctrl-C in the terminal sends a signal only to the parent process.

    The parent process can then end its child processes itself, in the right order.

    The child process appends its output to a log file. We do not use a pipe. If the parent process did not read the
    pipe, the pipe would become full, and the child process would wait forever.
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
        """Return how the process ended, such as `exit code 1` or `signal SIGKILL`.

        If it has not ended, return `running`. If it has never been started, return `not started`.
        """
        code = self._process.poll() if self._process else None
        if code is None:
            return "running" if self._process else "not started"
        return f"signal {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"

    def spawn(self, command: Sequence[str], environment: Mapping[str, str] | None = None) -> None:
        """Start the process. If `environment` is None, the process gets the environment variables of its parent."""
        if self.is_running:
            raise RuntimeError(f"{self.name} is already running")
        self.log_path.parent.mkdir(parents=True, exist_ok=True)
        with self.log_path.open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603 - only our own code calls this, and there is no shell
                command,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                preexec_fn=_die_with(os.getpid()),  # noqa: PLW1509 - this function makes only system calls
            )

    async def wait(self, seconds: float | None = None) -> bool:
        """Wait until the process has ended, but not longer than `seconds`. If `seconds` is None, wait without a limit.

        Return True if the process has ended. Return False if it still runs after `seconds`.
        """
        deadline = None if seconds is None else time.monotonic() + seconds
        while self.is_running:
            if deadline is not None and time.monotonic() >= deadline:
                return False
            await asyncio.sleep(_POLL_SECONDS)
        return True

    async def stop(self, grace_seconds: float = 5.0) -> None:
        """Send SIGTERM. If the process still runs after `grace_seconds`, send SIGKILL."""
        self.signal(signal.SIGTERM)
        self.resume()  # A paused process handles SIGTERM only after SIGCONT.
        if not await self.wait(grace_seconds):
            await self.kill()

    async def kill(self) -> None:
        """Send SIGKILL, which ends the process like a crash, and wait until the process has ended."""
        self.signal(signal.SIGKILL)
        await self.wait()

    def pause(self) -> None:
        """Send SIGSTOP, and return when the process has stopped.

        The stopped process keeps its connections, but it does not answer.
        """
        self.signal(signal.SIGSTOP)
        # After the signal, the threads of the process may still run for a moment. So we wait until the kernel reports
        # that the process has stopped.
        if sys.platform == "linux" and self.is_running:
            os.waitid(os.P_PID, self.pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)

    def resume(self) -> None:
        """Send SIGCONT, so that a process that pause() has stopped continues."""
        self.signal(signal.SIGCONT)

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the process. Do nothing if the process has ended."""
        if self._process is not None:
            self._process.send_signal(number)

    def last_lines(self, count: int) -> str:
        """Return the last `count` lines of the log file, without empty lines. Read only the last 16 KiB of the file."""
        try:
            with self.log_path.open("rb") as log:
                log.seek(max(0, log.seek(0, os.SEEK_END) - _TAIL_BYTES))
                lines = log.read().decode(errors="replace").splitlines()
        except FileNotFoundError:
            return ""
        return "\n".join([line for line in lines if line.strip()][-count:])


def _die_with(parent: int) -> Callable[[], None] | None:
    """Return a function that asks the kernel to kill the child process when the parent process dies for any reason.

    Only Linux can do this. On other systems, return None.

    For the kernel, the parent is the thread that started the child process. If this thread ends, the kernel kills the
    child process. So only the main thread may start child processes, because it lives as long as the process.
    """
    if _libc is None:
        return None

    def ask_the_kernel() -> None:
        _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        # If the parent process died before the call of prctl, the kernel will not kill this process, so it must exit.
        if os.getppid() != parent:
            os._exit(1)

    return ask_the_kernel
