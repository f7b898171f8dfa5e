"""Requests to orders, for the suites that run for every service."""

from devkit.testing.service_samples import SampleRequest, SampleRequests

_SOME_ID = "65f0c0ffee00000000000010"

REQUESTS = SampleRequests(
    read=SampleRequest("GET", "/api/orders"),
    creates_at="/api/orders",
    body={"ticketId": _SOME_ID},
    need_a_user=(
        SampleRequest("GET", "/api/orders"),
        SampleRequest("POST", "/api/orders", {"ticketId": _SOME_ID}),
        SampleRequest("GET", f"/api/orders/{_SOME_ID}"),
        SampleRequest("DELETE", f"/api/orders/{_SOME_ID}"),
        SampleRequest("POST", f"/api/orders/{_SOME_ID}/extension"),
        SampleRequest("GET", f"/api/orders/{_SOME_ID}/timeline"),
    ),
    query_parameters=("limit", "cursor"),
    answers={
        ("GET", "/api/orders"): {"200", "401"},
        ("POST", "/api/orders"): {"201", "401", "403", "404", "409"},
        ("GET", "/api/orders/{}"): {"200", "401", "403", "404"},
        ("DELETE", "/api/orders/{}"): {"204", "401", "403", "404", "409"},
        ("POST", "/api/orders/{}/extension"): {"200", "401", "403", "404", "409"},
        ("GET", "/api/orders/{}/timeline"): {"200", "401", "403", "404"},
    },
)
