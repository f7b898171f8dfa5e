"""What every error answer must be: RFC 9457, in our shape, traceable, and silent about our insides."""

import re
from typing import Any

import httpx

_OUR_INSIDES = re.compile(r"Traceback|\.py\b|site-packages|line \d+|pymongo|pydantic")


def assert_problem(answer: httpx.Response, status: int, to: str) -> dict[str, Any]:
    """`to` says what was asked, for the message of a failure. Returns the problem."""
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
    assert not _OUR_INSIDES.search(answer.text), f"{to} shows our insides: {answer.text[:300]}"
    if status == 503:
        assert answer.headers["retry-after"] == "1", to
    return problem
