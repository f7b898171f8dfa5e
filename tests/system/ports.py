"""Ports for platforms that are started side by side, each by a process of its own of `pytest -n`."""

import os

from common.servers import free_port

_IN_A_ROW = 40
_REGION = 1_000


def own_ports() -> int:
    """Free ones in a row, the first of them.

    From regions that are this process's own: two that look at the same moment must not find the same.
    """
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    workers = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    while True:
        port = free_port(_IN_A_ROW)
        if port // _REGION % workers == worker and port % _REGION + _IN_A_ROW <= _REGION:
            return port
