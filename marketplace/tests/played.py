"""Runs the commands that talk to a platform, for their tests: what they print, and their exit status."""

import io
from collections.abc import Callable

from marketplace.tests.stand_in import StandIn
from rich.console import Console
from starlette.types import Receive, Scope, Send

from marketplace.demo import run_demo


class Played:
    """What `marketplace demo`, or another command of this kind, shows and returns."""

    def __init__(
        self, gateway: str, *, timeout: float = 10, encoding: str = "utf-8", command: Callable[..., int] = run_demo
    ) -> None:
        screen = io.BytesIO()
        file = io.TextIOWrapper(screen, encoding=encoding, write_through=True)
        # An empty environment: FORCE_COLOR or COLUMNS of the person who runs the tests must not change the output.
        self.exit_code = command(gateway, console=Console(file=file, width=80, _environ={}), timeout=timeout)
        self.shown = screen.getvalue().decode(encoding)
        self.prose = " ".join(self.shown.replace("│", " ").split())


class Door:
    """One server for all tests; each puts its own stand-in behind it."""

    behind: StandIn

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self.behind(scope, receive, send)
