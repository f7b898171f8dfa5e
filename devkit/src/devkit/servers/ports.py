"""Finds free TCP ports of this machine."""

import os
import random
import socket

# Our servers get ports from this range. For each outgoing connection, the system also chooses a local port. By default,
# Linux and macOS choose it above this range, so it is never the port of a server. If they chose it from the same range,
# an outgoing connection could take the port of a server while the server restarts. Then the server could not start. Or
# a client that connects to the port of the server could get this port as its own port. Then TCP would connect the
# client to itself.
_RANGE = range(10_000, 32_000)
_given: set[int] = set()
"""The ports that `free_port` has returned in this process. A server may not listen on them yet."""


def is_taken(port: int) -> bool:
    """Return True if a program listens on this port of the address 127.0.0.1."""
    with socket.socket() as probe:
        # After a connection is closed, the system keeps it for about a minute in the state TIME_WAIT. Without this
        # option, such a connection would block the port. Servers also set the option, so they can use such a port. With
        # the option, only a program that listens blocks the port.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return True
    return False


def free_port(in_a_row: int = 1) -> int:
    """Return a port that is free now, and that this process has not got before.

    If `in_a_row` is greater than 1, the next ports are also free. For example, `free_port(3)` returns a port that is
    free and is followed by two free ports.
    """
    candidates = _candidates()
    for port in random.sample(candidates, len(candidates)):
        found = range(port, port + in_a_row)
        if _given.isdisjoint(found) and not any(map(is_taken, found)):
            _given.update(found)
            return port
    raise OSError("no free port is left")


def _candidates() -> range:
    """Return the ports of this process. Workers of pytest-xdist run at the same time, so each has its own part."""
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    size = len(_RANGE) // int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    return _RANGE[worker * size : (worker + 1) * size]
