"""Runs the demo on a platform that is already running. The command `marketplace demo` calls run_demo()."""

from collections.abc import Callable

import httpx
from rich.console import Console

from marketplace.demo.answers import Answer, DemoFailed
from marketplace.demo.screen import Screen
from marketplace.demo.session import Session
from marketplace.demo.story import Story

_STARTUP_TIMEOUT, STEP_TIMEOUT = 3.0, 30.0
_ANSWERED_BY_DIFFERENT_SERVICES = ("/api/users/currentuser", "/api/tickets?limit=1")
_WITHOUT_PROXY = {"all://127.0.0.1": None, "all://localhost": None}


def run_demo(gateway: str, *, console: Console | None = None, timeout: float | None = None) -> int:
    """Run all steps of the demo on the platform whose gateway has the URL `gateway`. Return the exit status.

    See `run_on_platform` for the status. `timeout` is the longest time in seconds to wait for the expected answer to
    one request. The default is 3 for the first request, then 30.
    """

    def play(screen: Screen) -> None:
        screen.chapter(f"Ticket marketplace at {gateway}")
        screen.text("Watch it in a browser: the shop at this address, each event at /live.")
        screen.text("Services that never call each other: they communicate by events.")
        screen.text("Right: the HTTP status, or “event” for the effect of an event; and the time.")
        with client_of(gateway) as sam, client_of(gateway) as ada, client_of(gateway) as ben:
            people = (Session(client, screen, timeout or STEP_TIMEOUT) for client in (sam, ada, ben))
            Story(screen, *people).play()

    return run_on_platform(gateway, play, console=console, timeout=timeout)


def run_on_platform(
    gateway: str, play: Callable[[Screen], None], *, console: Console | None = None, timeout: float | None = None
) -> int:
    """Check that a platform answers at this URL, and then call `play`. Return the exit status.

    It is 0 if `play` returns, 1 if it raises DemoFailed, and 130 after Ctrl-C.
    """
    screen = Screen(console or Console())
    try:
        _check_gateway(gateway, screen, timeout or _STARTUP_TIMEOUT)
        play(screen)
    except DemoFailed as failure:
        screen.text(str(failure), "red")
        return 1
    except KeyboardInterrupt:
        screen.text("Stopped by Ctrl-C.", "red")
        return 130  # the exit status that a shell expects after Ctrl-C
    return 0


def client_of(gateway: str) -> httpx.Client:
    return httpx.Client(base_url=gateway, timeout=httpx.Timeout(10, connect=2), mounts=_WITHOUT_PROXY)


def _check_gateway(gateway: str, screen: Screen, timeout: float) -> None:
    try:
        with client_of(gateway) as client:
            session = Session(client, screen, timeout)
            for path in _ANSWERED_BY_DIFFERENT_SERVICES:  # each service has a port of its own, where it answers alone
                session.get(path, Answer)
    except (DemoFailed, httpx.InvalidURL, httpx.RequestError) as error:
        start = "Start it with `make run` (Kubernetes: `make deploy`), or say where it is: set GATEWAY_PORT, or GATEWAY"
        raise DemoFailed(f"The marketplace does not answer at {gateway}. {start}. Reason: {error}") from None
