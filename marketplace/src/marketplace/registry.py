"""The list of all services. A new service needs one line here and its own folder; the rest follows from its SPEC."""

from typing import Any

import auth.spec
import expiration.spec
import orders.spec
import payments.spec
import tickets.spec
from common.messaging.consumer import Consumer
from common.runtime.service_spec import ServiceSpec

SERVICES: tuple[ServiceSpec, ...] = (
    auth.spec.SPEC,
    tickets.spec.SPEC,
    orders.spec.SPEC,
    expiration.spec.SPEC,
    payments.spec.SPEC,
)
"""In the order of their ports: a new service comes last."""

SERVICE_NAMES: tuple[str, ...] = tuple(spec.name for spec in SERVICES)

CONSUMERS_OF: dict[str, tuple[Consumer[Any], ...]] = {spec.name: spec.consumers for spec in SERVICES}


def service(name: str) -> ServiceSpec:
    """Raises KeyError if there is no such service."""
    return {spec.name: spec for spec in SERVICES}[name]
