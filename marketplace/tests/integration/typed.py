"""Runs the operators' commands as processes, with or without a terminal."""

import fcntl
import os
import pty
import struct
import subprocess
import sys
import termios

COMMAND = [sys.executable, "-P", "-m", "marketplace"]


def run(environment: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
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
