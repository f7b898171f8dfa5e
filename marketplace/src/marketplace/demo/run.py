"""Runs the demo on a platform that is already running. The command `marketplace demo` calls run_demo()."""

import httpx
from rich.console import Console

from marketplace.demo.answers import CurrentUser, DemoFailed
from marketplace.demo.screen import Screen
from marketplace.demo.session import Session
from marketplace.demo.story import Story

_STARTUP_TIMEOUT, _STEP_TIMEOUT = 10.0, 30.0
_WITHOUT_PROXY = {"all://127.0.0.1": None, "all://localhost": None}
_INTERRUPTED = 130  # the exit status that a shell expects after Ctrl-C


def run_demo(gateway: str, *, console: Console | None = None, timeout: float | None = None) -> int:
    """Run all steps of the demo on the platform whose gateway has the URL `gateway`. Return the exit status.

    The exit status is 0 if all steps succeeded, 1 if a step failed, and 130 after Ctrl-C. If a step fails, the function
    prints the reason in one line.

    If a request gets no answer, or not the expected answer yet, the demo repeats it. If this takes longer than
    `timeout` seconds for one request, the demo fails. By default, `timeout` is 10 s for the first request, and 30 s for
    each later request.
    """
    screen = Screen(console or Console())
    try:
        _check_gateway(gateway, screen, timeout or _STARTUP_TIMEOUT)
        screen.chapter(f"Ticket marketplace at {gateway}")
        screen.text("Services that never call each other: they communicate by events.")
        screen.text("Right: the HTTP status, or “event” for the effect of an event; and the time.")
        with _client(gateway) as sam, _client(gateway) as ada, _client(gateway) as ben:
            people = (Session(client, screen, timeout or _STEP_TIMEOUT) for client in (sam, ada, ben))
            Story(screen, *people).play()
    except DemoFailed as failure:
        screen.text(str(failure), "red")
        return 1
    except KeyboardInterrupt:
        screen.text("Stopped by Ctrl-C.", "red")
        return _INTERRUPTED
    return 0


def _client(gateway: str) -> httpx.Client:
    return httpx.Client(base_url=gateway, timeout=httpx.Timeout(10, connect=2), mounts=_WITHOUT_PROXY)


def _check_gateway(gateway: str, screen: Screen, timeout: float) -> None:
    try:
        with _client(gateway) as client:
            Session(client, screen, timeout).get("/api/users/currentuser", CurrentUser)
    except (DemoFailed, httpx.InvalidURL, httpx.RequestError) as error:
        what_to_do = "Start it with `make run` (Kubernetes: `make deploy`), or set GATEWAY to its address"
        raise DemoFailed(f"The marketplace does not answer at {gateway}. {what_to_do}. Reason: {error}") from None
