"""Prints the messages of the platform, and the logs of the services. Each log line contains the service's name."""

import asyncio
from contextlib import suppress
from pathlib import Path

from rich.console import Console
from rich.text import Text

_POLL_SECONDS = 0.1
_COLOURS = ("cyan", "green", "magenta", "yellow", "blue")
_NAME_WIDTH = 12
_MOST_LINES = 200
_SHOWN_OF_MORE = 3
"""If a service writes more than `_MOST_LINES` within one poll, only its last lines are shown.

Otherwise nobody could read the other messages while a service handles thousands of old events.
"""


class Output:
    """Prints messages. If `verbose` is true, also prints the new lines of the log files that were given to follow().

    The services write to log files and not to pipes. If a service wrote to a pipe and the terminal were slow, the
    service would have to wait for the terminal.
    """

    def __init__(self, *, verbose: bool) -> None:
        self._verbose = verbose
        self._console = Console(highlight=False, soft_wrap=True)
        self._followed: list[_Followed] = []

    def show_line(self, line: str) -> None:
        # `line` may say that a service has stopped. We first print the last log lines of this service, because they may
        # say why the service has stopped.
        self.show_new_lines()
        # If the terminal has been closed, printing raises OSError. We ignore the error, so that the platform can still
        # stop its processes.
        with suppress(OSError):
            self._console.print(line, style="bold", markup=False)

    def follow(self, name: str, log: Path) -> None:
        if self._verbose:
            self._followed.append(_Followed(name, _COLOURS[len(self._followed) % len(_COLOURS)], log))

    async def run(self) -> None:
        while self._verbose:
            self.show_new_lines()
            await asyncio.sleep(_POLL_SECONDS)

    def show_new_lines(self) -> None:
        for followed in self._followed:
            lines = followed.new_lines()
            if len(lines) > _MOST_LINES:
                left_out = len(lines) - _SHOWN_OF_MORE
                lines = [f"... {left_out} more lines in {followed.log}", *lines[-_SHOWN_OF_MORE:]]
            for line in lines:
                with suppress(OSError):
                    self._show(followed, line)

    def _show(self, followed: "_Followed", line: str) -> None:
        if line.startswith("{"):  # a JSON line needs no prefix, because it contains the name of the service
            self._console.print(Text(line))
            return
        prefix = Text(f"{followed.name:<{_NAME_WIDTH}}", style=followed.colour)
        self._console.print(prefix, Text(line), sep="")


class _Followed:
    def __init__(self, name: str, colour: str, log: Path) -> None:
        self.name = name
        self.colour = colour
        self.log = log
        self._position = 0
        self._unfinished = b""

    def new_lines(self) -> list[str]:
        try:
            with self.log.open("rb") as log:
                log.seek(self._position)
                new = log.read()
        except FileNotFoundError:
            return []
        self._position += len(new)
        *lines, self._unfinished = (self._unfinished + new).split(b"\n")
        return [line.decode(errors="replace") for line in lines]
