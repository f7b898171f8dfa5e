"""One person's session through the gateway. A service may be killed at any moment: a request waits for its return."""

import re
import time
from collections.abc import Callable
from dataclasses import dataclass

import httpx

from marketplace.demo.answers import Answer
from marketplace.demo.failures import StepFailed

_UNAVAILABLE = frozenset({502, 503, 504})
_ERRNO = re.compile(r"^\[Errno -?\d+\] ")
_FIRST_PAUSE, _LONGEST_PAUSE = 0.1, 2.0


@dataclass(frozen=True)
class Silence:
    """Nobody answered, or somebody said that it cannot now."""

    who: str
    why: str
    retry_after: float | None = None
    """Seconds, as the answer asked for."""

    def __str__(self) -> str:
        return f"{self.who} is not answering ({self.why})"


class Browser:
    """Its cookie jar keeps who is signed in."""

    def __init__(
        self,
        client: httpx.Client,
        *,
        patience: float,
        notice: Callable[[str], None],
        on_interruption: Callable[[], None],
    ) -> None:
        """`patience`: seconds for one request with all its retries."""
        self._client = client
        self._patience = patience
        self._notice = notice
        self._on_interruption = on_interruption

    def get(self, path: str) -> Answer:
        return self._ask("GET", path)

    def post(self, path: str, body: dict[str, object]) -> Answer:
        """It may arrive twice, when the answer to the first got lost: see Person for what that means."""
        return self._ask("POST", path, body)

    def attempt(self, method: str, path: str, body: dict[str, object] | None = None) -> Answer | Silence:
        """Ask once."""
        began = time.monotonic()
        try:
            response = self._client.request(method, path, json=body)
        except httpx.ReadTimeout:
            return Silence(_service_of(path), "no answer in time")
        except httpx.RequestError as error:
            why = _ERRNO.sub("", str(error)) or type(error).__name__
            return Silence("the gateway", why)
        arrived = time.monotonic()
        answer = Answer(
            request=f"{method} {path}",
            status=response.status_code,
            body=_json_of(response),
            arrived=arrived,
            took=arrived - began,
        )
        if answer.status in _UNAVAILABLE:
            why = answer.words or str(answer.status)
            return Silence(_service_of(path), why, _seconds(response.headers.get("Retry-After")))
        return answer

    def _ask(self, method: str, path: str, body: dict[str, object] | None = None) -> Answer:
        stop = time.monotonic() + self._patience
        away: str | None = None
        pause = _FIRST_PAUSE
        while True:
            outcome = self.attempt(method, path, body)
            if isinstance(outcome, Answer):
                if away is not None:
                    self._notice(f"{away} answers again")
                return outcome
            if away is None:
                self._on_interruption()
            if away != outcome.who:
                away = outcome.who
                self._notice(f"{outcome.who} is not answering; waiting for it…")
            left = stop - time.monotonic()
            if left <= 0:
                raise StepFailed(
                    expected=f"an answer to {method} {path} within {self._patience:.3g} s", seen=f"{outcome}"
                )
            time.sleep(min(left, pause if outcome.retry_after is None else max(outcome.retry_after, _FIRST_PAUSE)))
            pause = min(pause * 2, _LONGEST_PAUSE)


def _service_of(path: str) -> str:
    """/api/orders/65f0… → orders. The gateway routes by that word, and only users are kept by another name."""
    resource = path.split("?", maxsplit=1)[0].split("/")[2]
    return {"users": "auth"}.get(resource, resource)


def _json_of(response: httpx.Response) -> object:
    try:
        return response.json()
    except ValueError:
        return None


def _seconds(retry_after: str | None) -> float | None:
    """The header may also hold a date, which no service here sends: then the usual pause does."""
    return float(retry_after) if retry_after and retry_after.isdecimal() else None
