"""What the platform's processes use of the machine: memory now, and time on the cores since they started."""

from collections.abc import Iterable

import psutil

from marketplace.platform import Platform
from marketplace.registry import SERVICE_NAMES

_MIB = 2**20


def resident(platform: Platform) -> dict[str, float]:
    """MiB of each service."""
    return {service: resident_of(platform.pid(service)) for service in SERVICE_NAMES}


def resident_of(pid: int) -> float:
    """MiB of one process."""
    mib: float = psutil.Process(pid).memory_info().rss / _MIB
    return mib


def computed(
    platform: Platform, names: Iterable[str] = (*SERVICE_NAMES, "mongod", "nats", "gateway")
) -> dict[str, float]:
    """Seconds on a core, of user and system together: hardly touched by what else runs on the machine."""
    times = {name: psutil.Process(platform.pid(name)).cpu_times() for name in names}
    return {name: each.user + each.system for name, each in times.items()}
