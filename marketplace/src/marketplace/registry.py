"""The list of all services.

To add a service, create its folder and add one line to SERVICE_NAMES. The platform reads everything else about the
service from the object SPEC in the module `spec` of the service.
"""

from importlib import import_module
from typing import Any

from common.messaging.consumer import Consumer
from common.runtime.service_spec import ServiceSpec

SERVICE_NAMES: tuple[str, ...] = (
    "auth",
    "tickets",
    "orders",
    "expiration",
    "payments",
)
"""The packages of the services. Each package has a module `spec` with the object SPEC.

The position of a service in this tuple determines its port. So add a new service at the end.
"""


def _spec_of(name: str) -> ServiceSpec:
    # We import the module by its name, so that this file needs no import statement for each service.
    spec: ServiceSpec = import_module(f"{name}.spec").SPEC
    return spec


SERVICES: tuple[ServiceSpec, ...] = tuple(map(_spec_of, SERVICE_NAMES))

CONSUMERS_OF: dict[str, tuple[Consumer[Any], ...]] = {spec.name: spec.consumers for spec in SERVICES}


def service(name: str) -> ServiceSpec:
    """Return the SPEC of the service with this name. Raises KeyError if there is no such service."""
    return {spec.name: spec for spec in SERVICES}[name]
