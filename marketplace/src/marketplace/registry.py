"""The one list of services. Add a service here and in a folder of its own; everything else follows from its SPEC."""

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
"""Each is the name of a package, which has the SPEC in its module `spec`. In the order of their ports."""


def _spec_of(name: str) -> ServiceSpec:
    # By name, so that a service takes one line here, and not an import besides.
    spec: ServiceSpec = import_module(f"{name}.spec").SPEC
    return spec


SERVICES: tuple[ServiceSpec, ...] = tuple(map(_spec_of, SERVICE_NAMES))

CONSUMERS_OF: dict[str, tuple[Consumer[Any], ...]] = {spec.name: spec.consumers for spec in SERVICES}


def service(name: str) -> ServiceSpec:
    """Raises KeyError if there is no such service."""
    return {spec.name: spec for spec in SERVICES}[name]
