"""Reads the memory and the CPU time of the platform's processes."""

from collections.abc import Iterable

import psutil

from marketplace.platform import Platform
from marketplace.registry import SERVICE_NAMES

_MIB = 2**20


def resident(platform: Platform) -> dict[str, float]:
    """Return the MiB (RSS) of each service."""
    return {service: resident_of(platform.pid(service)) for service in SERVICE_NAMES}


def resident_of(pid: int) -> float:
    """Return the MiB (RSS) of one process."""
    mib: float = psutil.Process(pid).memory_info().rss / _MIB
    return mib


def computed(
    platform: Platform, names: Iterable[str] = (*SERVICE_NAMES, "mongod", "nats", "gateway")
) -> dict[str, float]:
    """Return the CPU seconds (user and system) of each process. Other load on the machine hardly changes them."""
    times = {name: psutil.Process(platform.pid(name)).cpu_times() for name in names}
    return {name: each.user + each.system for name, each in times.items()}
