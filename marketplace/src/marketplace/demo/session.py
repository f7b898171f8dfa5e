"""Sends the HTTP requests of one person in the demo, and repeats them until the expected answer arrives."""

import re
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar
from uuid import UUID, uuid4

import httpx

from marketplace.demo.answers import Answer, DemoFailed, Problem
from marketplace.demo.screen import Screen

A = TypeVar("A", bound=Answer)
T = TypeVar("T")

_UNAVAILABLE = (502, 503, 504)
_IN_FLIGHT = "urn:ticket-marketplace:problem:request-in-flight"
_PAUSE_SECONDS = 0.02


class NotYet(Exception):
    """One attempt of a request has failed, but the next attempt may succeed. The message says what was answered."""


@dataclass
class Session:
    client: httpx.Client  # not shared with other sessions: it stores the cookie of the user who is signed in
    screen: Screen
    timeout: float
    """The session repeats a request for this number of seconds, and then raises DemoFailed."""
    idempotency_key: UUID = field(default_factory=uuid4)

    def sign_up(self, name: str) -> None:
        """Sign up with a new e-mail address, so that the demo can run any number of times on one platform."""
        self.sign_up_or_in(f"{name.lower()}-{secrets.token_hex(4)}@example.com", secrets.token_urlsafe(16))

    def sign_up_or_in(self, email: str, password: str) -> httpx.Response:
        """Sign up, or sign in if this user exists: an earlier attempt may have succeeded, but its answer was lost."""
        login = {"email": email, "password": password}
        answer = self.post("/api/users/signup", 201, 409, **login)
        return self.post("/api/users/signin", 200, **login) if answer.status_code == httpx.codes.CONFLICT else answer

    def post(self, path: str, *expected: int, **body: str | float) -> httpx.Response:
        """Send a POST request with the JSON object `body`. Return the answer, which has one of the `expected` statuses.

        Repeat the request if the service does not answer, or answers 404, because it may not have received the event
        about the new ticket or order yet. If the answer has any other status, raise DemoFailed.
        """
        return self.repeat(lambda: self.send("POST", path, expected, body))

    def get(self, path: str, model: type[A], until: Callable[[A], bool] = lambda _: True) -> A:
        """Send a GET request, and repeat it like `post` does, until the function `until` accepts the answer."""

        def attempt() -> A:
            answer = model.read(self.send("GET", path, (200,)))
            if until(answer):
                return answer
            raise NotYet(f"GET {path} answers {answer.model_dump_json(by_alias=True)}")

        return self.repeat(attempt)

    def repeat(self, attempt: Callable[[], T]) -> T:
        """Call `attempt` until it does not raise NotYet. Return its result, or raise DemoFailed at the timeout."""
        deadline = time.monotonic() + self.timeout
        while True:
            try:
                return attempt()
            except NotYet as found:
                if time.monotonic() >= deadline:
                    raise DemoFailed(f"after {self.timeout:g} s, {found}") from None
            time.sleep(_PAUSE_SECONDS)

    def send(self, method: str, path: str, expected: tuple[int, ...], body: object = None) -> httpx.Response:
        """Send one request. Raises NotYet if the same request may succeed later, and DemoFailed if it cannot."""
        # A request without an answer may have been executed. So we repeat it with the same idempotency key, and the
        # service executes only one of these requests. Routes that do not support such keys ignore this header.
        headers = {"Idempotency-Key": str(self.idempotency_key)}
        try:
            response = self.client.request(method, path, json=body, headers=headers)
        except (httpx.NetworkError, httpx.TimeoutException, httpx.RemoteProtocolError) as error:
            raise self._no_answer(f"{method} {path} gets no answer: {_plain(error)}") from None
        answers = f"{method} {path} answers {response.status_code}"
        if response.status_code in _UNAVAILABLE:
            raise self._no_answer(answers)
        if not response.is_success:
            problem = Problem.read(response)
            answers += f" “{problem.detail}”"
            if problem.type == _IN_FLIGHT:
                raise self._no_answer(answers)
        self.idempotency_key = uuid4()
        if response.status_code == httpx.codes.NOT_FOUND:
            raise NotYet(answers)
        if response.status_code not in expected:
            raise DemoFailed(f"{answers}, expected {' or '.join(map(str, expected))}")
        self.screen.answered(response.status_code)
        return response

    def _no_answer(self, found: str) -> NotYet:
        self.screen.notice(f"{found}. Repeating the request.")
        return NotYet(found)


def _plain(error: httpx.RequestError) -> str:
    """Return what is wrong, without the number of the error: "Connection refused"."""
    return re.sub(r"^\[Errno -?\d+\] ", "", str(error)) or type(error).__name__
