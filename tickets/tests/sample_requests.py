"""Requests to tickets, for the suites that run for every service."""

from devkit.testing.service_samples import SampleRequest, SampleRequests

_SOME_ID = "65f0c0ffee00000000000010"
_LISTING = {"title": "Concert", "price": 19.99}

REQUESTS = SampleRequests(
    read=SampleRequest("GET", "/api/tickets"),
    creates_at="/api/tickets",
    body=_LISTING,
    need_a_user=(
        SampleRequest("POST", "/api/tickets", _LISTING),
        SampleRequest("PUT", f"/api/tickets/{_SOME_ID}", _LISTING),
        SampleRequest("DELETE", f"/api/tickets/{_SOME_ID}"),
    ),
    query_parameters=("limit", "cursor"),
    answers={
        ("GET", "/api/tickets"): {"200"},
        ("POST", "/api/tickets"): {"201", "401", "409"},
        ("GET", "/api/tickets/{}"): {"200", "404"},
        ("PUT", "/api/tickets/{}"): {"200", "401", "403", "404", "409"},
        ("DELETE", "/api/tickets/{}"): {"204", "401", "403", "404", "409"},
    },
)
