"""Starts `marketplace run` or `marketplace dev` as a process, and reads what it prints."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import psutil

from marketplace.settings import PlatformSettings


@contextmanager
def launched(settings: PlatformSettings, command: str = "run", **variables: str) -> Iterator[subprocess.Popen[str]]:
    environment = {"GATEWAY_PORT": str(settings.gateway_port), "DATA_DIR": str(settings.data_dir)} | variables
    with subprocess.Popen(  # noqa: S603 - the tests name the command
        [sys.executable, "-P", "-m", "marketplace", command],
        env=os.environ | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def until(process: subprocess.Popen[str], words: str) -> list[str]:
    assert process.stdout is not None
    lines = []
    for line in process.stdout:
        lines.append(line)
        if words in line:
            return lines
    raise AssertionError(f"it ended without printing {words!r}; its output: {''.join(lines)}")


def ended(process: subprocess.Popen[str] | subprocess.Popen[bytes], children: list[psutil.Process]) -> int:
    _, alive = psutil.wait_procs(children, timeout=10)
    assert [child for child in alive if child.status() != psutil.STATUS_ZOMBIE] == []
    return process.wait(timeout=10)
