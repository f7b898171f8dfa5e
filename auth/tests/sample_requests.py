"""Requests to auth, for the suites that run for every service."""

from devkit.testing.service_samples import SampleRequest, SampleRequests

REQUESTS = SampleRequests(
    read=SampleRequest("POST", "/api/users/signin", {"email": "nobody@example.com", "password": "wrong password"}),
    read_status=401,
    creates_at="/api/users/signup",
    body={"email": "buyer@example.com", "password": "correct horse battery"},
    answers={
        ("POST", "/api/users/signup"): {"201", "409"},
        ("POST", "/api/users/signin"): {"200", "401"},
        ("POST", "/api/users/signout"): {"200"},
        ("GET", "/api/users/currentuser"): {"200"},
    },
)
