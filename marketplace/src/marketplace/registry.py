"""The list of all services. A new service needs one line here and its own folder; the rest follows from its SPEC."""

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
"""The packages of the services, each with a SPEC in its module `spec`. In the order of their ports: add at the end."""


def _spec_of(name: str) -> ServiceSpec:
    # Imported by name, so that a service needs one line here and no import.
    spec: ServiceSpec = import_module(f"{name}.spec").SPEC
    return spec


SERVICES: tuple[ServiceSpec, ...] = tuple(map(_spec_of, SERVICE_NAMES))

CONSUMERS_OF: dict[str, tuple[Consumer[Any], ...]] = {spec.name: spec.consumers for spec in SERVICES}


def service(name: str) -> ServiceSpec:
    """Raises KeyError if there is no such service."""
    return {spec.name: spec for spec in SERVICES}[name]
