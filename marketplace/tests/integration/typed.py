"""Runs the operators' commands: in this process, as a process, or in a terminal."""

import fcntl
import os
import pty
import struct
import subprocess
import sys
import termios
from concurrent.futures import ThreadPoolExecutor
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO
from unittest.mock import patch

from marketplace import cli

COMMAND = [sys.executable, "-P", "-m", "marketplace"]


def run(environment: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command in this process, because a new process needs about 2 s to import all services."""
    with ThreadPoolExecutor(1) as thread:  # the command runs an event loop of its own
        return thread.submit(_run_here, environment, arguments).result()


def _run_here(environment: dict[str, str], arguments: tuple[str, ...]) -> subprocess.CompletedProcess[str]:
    output, errors = StringIO(), StringIO()
    with patch.dict(os.environ, environment, clear=True), redirect_stdout(output), redirect_stderr(errors):
        try:
            cli.main(arguments)
        except SystemExit as end:
            status = end.code if isinstance(end.code, int) else int(end.code is not None)
        else:
            status = 0
    return subprocess.CompletedProcess([*arguments], status, output.getvalue(), errors.getvalue())


def run_process(environment: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*COMMAND, *arguments], env=environment, capture_output=True, text=True, check=False)  # noqa: S603


def first_byte_of(environment: dict[str, str], *arguments: str) -> tuple[bytes, bytes]:
    """Return the output of `marketplace … | head -c 1`, and the error output."""
    with subprocess.Popen([*COMMAND, *arguments], env=environment, stdout=-1, stderr=-1) as process:  # noqa: S603
        assert process.stdout is not None
        assert process.stderr is not None
        seen = os.read(process.stdout.fileno(), 1)
        process.stdout.close()
        return seen, process.stderr.read()


def run_in_terminal(environment: dict[str, str], columns: int, *arguments: str) -> str:
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 50, columns, 0, 0))
    there = {**environment, "TERM": "xterm-256color"}
    with subprocess.Popen([*COMMAND, *arguments], env=there, stdout=theirs, stderr=theirs) as process:  # noqa: S603
        os.close(theirs)
        seen = b""
        while True:
            try:
                chunk = os.read(ours, 4096)
            except OSError:  # Linux reports the end of a terminal as an error
                chunk = b""
            if not chunk:
                break
            seen += chunk
        assert process.wait(timeout=20) == 0
    os.close(ours)
    return seen.decode().replace("\r\n", "\n")
