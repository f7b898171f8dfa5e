"""Every service with its sample requests, for tests that every service must pass."""

from dataclasses import dataclass

from common.runtime.service_spec import ServiceSpec
from devkit.testing import service_samples
from devkit.testing.service_samples import SampleRequests
from marketplace import registry

SOME_ID = "65f0c0ffee00000000000010"


@dataclass(frozen=True)
class ServiceUnderTest:
    spec: ServiceSpec
    requests: SampleRequests

    @property
    def has_api(self) -> bool:
        """False if the service has no routes, or only pages."""
        return any(route.startswith("/api/") for route in self.spec.routes)

    def __str__(self) -> str:
        return self.spec.name


SERVICES = tuple(ServiceUnderTest(spec, service_samples.sample_requests_of(spec.name)) for spec in registry.SERVICES)
WITH_API = tuple(each for each in SERVICES if each.has_api)
CREATING = tuple(each for each in SERVICES if each.requests.creates_at)
"""The services that have a POST which creates something."""
