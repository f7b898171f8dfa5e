"""The way to the platform: sessions through the gateway, and every wait of the demo with its bound."""

import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Self, TypeVar

import httpx

from marketplace.demo.answers import Answer
from marketplace.demo.browser import Browser
from marketplace.demo.failures import NoPlatform, StepFailed

T = TypeVar("T")

_CONNECT_TIMEOUT = 2.0
_SAY_SO_AFTER = 5.0
_LONGEST_PAUSE = 0.1


@dataclass(frozen=True)
class Patience:
    """How long the demo waits, in seconds, before it says that something does not happen."""

    gateway: float = 10
    effect: float = 20
    """For what an event brings about."""
    outage: float = 30
    """For a service that went away, with all the retries of one request."""
    request: float = 10


class Platform:
    def __init__(self, gateway: str, *, patience: Patience, notice: Callable[[str], None]) -> None:
        """`notice` takes a sentence for the viewer."""
        self.gateway = gateway.rstrip("/")
        self.patience = patience
        self.notice = notice
        self.interruptions = 0
        self._open = ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    def browser(self, *, request_timeout: float | None = None) -> Browser:
        """A new session, in which nobody is signed in."""
        # A proxy of the environment cannot reach a platform on this machine, so loopback goes past it.
        direct = {"all://127.0.0.1": None, "all://localhost": None}
        timeout = httpx.Timeout(request_timeout or self.patience.request, connect=_CONNECT_TIMEOUT)
        client = httpx.Client(base_url=self.gateway, timeout=timeout, mounts=direct)
        return Browser(
            self._open.enter_context(client),
            patience=self.patience.outage,
            notice=self.notice,
            on_interruption=self._count_interruption,
        )

    def _count_interruption(self) -> None:
        self.interruptions += 1

    def wait_for_gateway(self) -> None:
        """Raises NoPlatform, with what to do, when the marketplace does not answer in time."""
        if not self.gateway.startswith(("http://", "https://")):
            raise NoPlatform(f"“{self.gateway}” is no address of a gateway: it looks like http://127.0.0.1:8080")
        try:
            httpx.URL(self.gateway)
        except httpx.InvalidURL as error:
            raise NoPlatform(f"“{self.gateway}” is no address of a gateway: {error}") from None
        stop = time.monotonic() + self.patience.gateway
        browser = self.browser(request_timeout=_CONNECT_TIMEOUT)
        said = False
        while True:
            outcome = browser.attempt("GET", "/api/users/currentuser")
            if isinstance(outcome, Answer):
                if isinstance(outcome.body, dict) and "currentUser" in outcome.body:
                    return
                raise NoPlatform(f"something answers at {self.gateway}, but not as the marketplace: {outcome.summary}")
            if time.monotonic() >= stop:
                if outcome.who == "the gateway":
                    raise NoPlatform(
                        f"no platform at {self.gateway}: start it with `make run`, or on Kubernetes with `make deploy`"
                    )
                raise NoPlatform(f"the gateway at {self.gateway} answers, but {outcome}: look at the services' logs")
            if not said:
                self.notice(f"{outcome.who} is not answering; waiting for it…")
                said = True
            time.sleep(_LONGEST_PAUSE)

    def until(  # noqa: PLR0913 - a wait has this much to say, and all but two by name
        self,
        look: Callable[[], T],
        happened: Callable[[T], bool],
        *,
        expected: str,
        seen: Callable[[T], str],
        since: float | None = None,
        within: float | None = None,
    ) -> tuple[T, float]:
        """Look until it happened: what was found, and the seconds it took, counted from `since` (default: now).

        Raises StepFailed after `within` seconds (default: the patience for effects). The time in which a service was
        away does not count, up to the patience for outages.
        """
        began = time.monotonic()
        within = within or self.patience.effect
        stop, last_stop = began + within, began + within + self.patience.outage
        told = False
        while True:
            interruptions = self.interruptions
            found = look()
            now = time.monotonic()
            if happened(found):
                return found, now - (began if since is None else since)
            if self.interruptions > interruptions:
                stop = min(now + within, last_stop)
            if now >= stop:
                raise StepFailed(expected=f"{expected}, within {within:.3g} s", seen=seen(found))
            if not told and now - began > _SAY_SO_AFTER:
                told = True
                self.notice(f"still waiting for {expected}…")
            # Proportional pauses: what is fast is measured to a few milliseconds, what is slow is not asked to death.
            time.sleep(min(_LONGEST_PAUSE, max(0.002, (now - began) / 20)))
