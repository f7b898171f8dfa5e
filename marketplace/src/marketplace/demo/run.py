"""Runs the demo on a platform that is already running. The command `marketplace demo` calls run_demo()."""

import httpx
from rich.console import Console

from marketplace.demo.answers import Answer, DemoFailed
from marketplace.demo.screen import Screen
from marketplace.demo.session import Session
from marketplace.demo.story import Story

_STARTUP_TIMEOUT, _STEP_TIMEOUT = 10.0, 30.0
_WITHOUT_PROXY = {"all://127.0.0.1": None, "all://localhost": None}


def run_demo(gateway: str, *, console: Console | None = None, timeout: float | None = None) -> int:
    """Run all steps of the demo on the platform whose gateway has the URL `gateway`. Return the exit status.

    The exit status is 0 if all steps succeeded, 1 if a step failed, and 130 after Ctrl-C. `timeout` is the longest time
    in seconds to wait for the expected answer to one request. The default is 10 for the first request, then 30.
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
        return 130  # the exit status that a shell expects after Ctrl-C
    return 0


def _client(gateway: str) -> httpx.Client:
    return httpx.Client(base_url=gateway, timeout=httpx.Timeout(10, connect=2), mounts=_WITHOUT_PROXY)


def _check_gateway(gateway: str, screen: Screen, timeout: float) -> None:
    try:
        with _client(gateway) as client:
            Session(client, screen, timeout).get("/api/users/currentuser", Answer)
    except (DemoFailed, httpx.InvalidURL, httpx.RequestError) as error:
        what_to_do = "Start it with `make run` (Kubernetes: `make deploy`), or set GATEWAY to its address"
        raise DemoFailed(f"The marketplace does not answer at {gateway}. {what_to_do}. Reason: {error}") from None
