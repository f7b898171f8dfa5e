"""The list of all services.

Each service describes itself in an object SPEC: its settings, its consumers, its routes and more. For example, the SPEC
of the service `orders` is in the module `orders.spec`.

To add a service, create its folder with such a module, and add the name of the service to SERVICE_NAMES.
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
    "storefront",
)
"""The names of the services. The Python package of a service has the same name.

The position of a service in this tuple determines its port. So add a new service at the end. At another position, it
would change the ports of the services after it.
"""


def _spec_of(name: str) -> ServiceSpec:
    # We import the module by its name, so that this file needs no import statement for each service.
    spec: ServiceSpec = import_module(f"{name}.spec").SPEC
    return spec


SERVICES: tuple[ServiceSpec, ...] = tuple(map(_spec_of, SERVICE_NAMES))

CONSUMERS_OF: dict[str, tuple[Consumer[Any], ...]] = {spec.name: spec.consumers for spec in SERVICES}


def service(name: str) -> ServiceSpec:
    """Return the SPEC (the self-description) of the service with this name. Raises KeyError if there is none."""
    return {spec.name: spec for spec in SERVICES}[name]
