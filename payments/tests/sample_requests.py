"""Requests to payments, for the suites that run for every service."""

from devkit.testing.service_samples import SampleRequest, SampleRequests

_SOME_ID = "65f0c0ffee00000000000010"
_PAYMENT = {"orderId": _SOME_ID, "token": "tok_visa"}
_OF_AN_ORDER = SampleRequest("GET", f"/api/payments?orderId={_SOME_ID}")

REQUESTS = SampleRequests(
    read=_OF_AN_ORDER,
    read_status=404,
    creates_at="/api/payments",
    body=_PAYMENT,
    need_a_user=(_OF_AN_ORDER, SampleRequest("POST", "/api/payments", _PAYMENT)),
    query_parameters=("orderId",),
    answers={
        ("GET", "/api/payments"): {"200", "401", "403", "404"},
        ("POST", "/api/payments"): {"201", "401", "402", "403", "404", "409"},
    },
)
