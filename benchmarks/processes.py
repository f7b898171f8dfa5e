"""Reads how much memory and CPU time the processes of the platform use."""

from collections.abc import Iterable

import psutil

from marketplace.platform import Platform
from marketplace.registry import SERVICE_NAMES

_MIB = 2**20


def resident(platform: Platform) -> dict[str, float]:
    """Return the memory (RSS) of each service, in MiB."""
    return {service: resident_of(platform.pid(service)) for service in SERVICE_NAMES}


def resident_of(pid: int) -> float:
    """Return the memory (RSS) of one process, in MiB."""
    mib: float = psutil.Process(pid).memory_info().rss / _MIB
    return mib


def computed(
    platform: Platform, names: Iterable[str] = (*SERVICE_NAMES, "mongod", "nats", "gateway")
) -> dict[str, float]:
    """Return the CPU time (user and system) that each process has used so far, in seconds.

    The time in which a process waits for a free core does not count. So if other programs run on the machine at the
    same time, the results change only a little.
    """
    times = {name: psutil.Process(platform.pid(name)).cpu_times() for name in names}
    return {name: each.user + each.system for name, each in times.items()}
