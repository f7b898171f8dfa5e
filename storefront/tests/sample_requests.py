"""Requests to storefront, for the suites that run for every service."""

from devkit.testing.service_samples import SampleRequest, SampleRequests

REQUESTS = SampleRequests(read=SampleRequest("GET", "/"))
