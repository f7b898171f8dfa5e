"""Every service with its sample requests, for tests that every service must pass."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from fastapi import FastAPI

from common.messaging.consumer import Consumer
from common.runtime.service_spec import ServiceSpec
from common.runtime.settings import ServiceSettings
from devkit.testing import service_samples
from devkit.testing.service_samples import SampleRequests
from marketplace import registry

SOME_ID = "65f0c0ffee00000000000010"


@dataclass(frozen=True)
class ServiceUnderTest:
    spec: ServiceSpec
    requests: SampleRequests

    @property
    def name(self) -> str:
        return self.spec.name

    @property
    def create_app(self) -> Callable[..., FastAPI]:
        return self.spec.create_app

    @property
    def settings_type(self) -> type[ServiceSettings]:
        return self.spec.settings

    @property
    def consumers(self) -> Sequence[Consumer[Any]]:
        return self.spec.consumers

    def __str__(self) -> str:
        return self.name


SERVICES = tuple(ServiceUnderTest(spec, service_samples.sample_requests_of(spec.name)) for spec in registry.SERVICES)
WITH_API = tuple(each for each in SERVICES if each.spec.routes)
CREATING = tuple(each for each in SERVICES if each.requests.creates_at)
"""The services that have a POST which creates something."""
