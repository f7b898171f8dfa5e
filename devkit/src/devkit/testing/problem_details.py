"""Checks the error answers of our services.

The body of an error answer must be a problem, which is a JSON format of RFC 9457, with our additional field `errors`.
The answer must have a trace id in the header X-Correlation-Id. The answer must not show details of our code, such as
tracebacks.
"""

# ruff: noqa: S101 - these functions are the assertions of tests

import re
from typing import Any, NamedTuple

import httpx

_INTERNALS = re.compile(r"Traceback|\.py\b|site-packages|line \d+|pymongo|pydantic")


class Refusal(NamedTuple):
    status: int
    code: str
    """The last part of the field `type` in the body of the answer, for example `bad-input`."""
    fields: list[str | None]
    """One value per item of the list `errors` in the body: the name of the wrong field, or None if there is no name."""


def refusal(answer: httpx.Response) -> Refusal:
    """Return the most important parts of an error answer. Fail if its body is not in our error format (RFC 9457)."""
    problem = assert_problem(answer, answer.status_code, f"{answer.request.method} {answer.request.url}")
    code = problem["type"].rpartition(":")[2]
    return Refusal(answer.status_code, code, [line.get("field") for line in problem["errors"]])


def assert_problem(answer: httpx.Response, status: int, to: str) -> dict[str, Any]:
    """Check that the answer has this status, and that its body is a complete problem (the error format of RFC 9457).

    Return the problem. If a check fails, the message of the failure contains `to`, which is the name of the request.
    """
    assert answer.status_code == status, f"{to}: {answer.status_code}, not {status}: {answer.text[:300]}"
    assert answer.headers["content-type"] == "application/problem+json", to
    assert re.fullmatch(r"[0-9a-f]{32}", answer.headers["x-correlation-id"]), to
    problem: dict[str, Any] = answer.json()
    assert set(problem) == {"type", "title", "status", "detail", "errors"}, f"{to}: {problem}"
    assert re.fullmatch(r"urn:ticket-marketplace:problem:[a-z-]+", problem["type"]), f"{to}: {problem}"
    assert problem["status"] == status, f"{to}: {problem}"
    assert problem["title"], f"{to}: {problem}"
    assert problem["detail"], f"{to}: {problem}"
    assert problem["errors"], f"{to}: {problem}"
    for line in problem["errors"]:
        assert line["message"], f"{to}: {problem}"
        assert set(line) <= {"message", "field"}, f"{to}: {problem}"
    assert not _INTERNALS.search(answer.text), f"{to} shows internals: {answer.text[:300]}"
    if status == httpx.codes.SERVICE_UNAVAILABLE:
        assert answer.headers["retry-after"] == "1", to
    return problem
