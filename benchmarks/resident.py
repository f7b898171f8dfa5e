"""What the services hold in memory."""

import psutil

from marketplace.platform import Platform
from marketplace.settings import SERVICES

_MIB = 2**20


def resident(platform: Platform) -> float:
    return sum(resident_by_service(platform).values())


def resident_by_service(platform: Platform) -> dict[str, float]:
    return {service: psutil.Process(platform.pid(service)).memory_info().rss / _MIB for service in SERVICES}
