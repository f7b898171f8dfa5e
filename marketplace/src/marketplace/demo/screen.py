"""Prints the output of the demo: one line per step, and a spinner while a step runs."""

import io
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from datetime import datetime

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.table import Table
from rich.text import Text

from marketplace.demo.answers import DemoFailed, Event


def duration(seconds: float) -> str:
    return f"{seconds * 1000:.0f} ms" if abs(seconds) < 1 else f"{seconds:.2f} s"


@dataclass
class Step:
    who: str
    what: str  # what the step will do; the demo may change it to what really happened
    result: str
    notices: set[str] = field(default_factory=set)


class Screen:
    def __init__(self, console: Console) -> None:
        if isinstance(console.file, io.TextIOWrapper):
            # For a character that the terminal's encoding does not have, such as “✓”, Python prints “?”.
            console.file.reconfigure(errors="replace")
        self._console = console
        self._began = time.monotonic()
        self._steps = 0
        self._step = Step("", "", "")

    def text(self, text: str, style: str = "") -> None:
        """Print one line. Leave out characters that are not printable: an HTTP answer may contain escape sequences."""
        self._console.print(Text("".join(filter(str.isprintable, text)), style), soft_wrap=True)

    def chapter(self, title: str) -> None:
        self._console.print()
        self.text(title, "bold")

    def notice(self, text: str) -> None:
        """Print this text, unless this step has already printed it (a step may repeat a request often)."""
        if text not in self._step.notices:
            self._step.notices.add(text)
            self.text(f"     {text}", "yellow")

    @contextmanager
    def step(self, who: str, what: str, result: str = "") -> Iterator[Step]:
        """Show a spinner while the step runs. Then print its result, and how long the step took.

        `result` is “event” if the step waits for the effect of an event. Otherwise it is the last HTTP status.
        """
        self._steps += 1
        self._step = Step(who, what, result)
        began = time.monotonic()
        # If FORCE_COLOR is set, `console.is_terminal` is True even for a file, and the spinner would fill the file.
        spinner = self._console.status(Text(f"{who} {what}")) if self._console.file.isatty() else nullcontext()
        try:
            with spinner:
                yield self._step
        except DemoFailed as failure:
            self._show("✗", style="red")
            logs = f"see the logs of the services around {datetime.now().astimezone():%H:%M:%S}"
            raise DemoFailed(f"Step {self._steps} failed ({who} {what}): {failure}; {logs}") from None
        self._show("✓", took=duration(time.monotonic() - began))

    def answered(self, status: int) -> None:
        if self._step.result != "event":
            self._step.result = str(status)

    def _show(self, mark: str, *, took: str = "", style: str = "") -> None:
        step = self._step
        self.text(f"{self._steps:2} {mark} {step.who:10} {step.what:48} {step.result:>5} {took:>8}", style)

    @contextmanager
    def progress(self, what: str, total: int) -> Iterator[Callable[[int], None]]:
        """Show a progress bar. The caller gets a function, and calls it with the number that is done."""
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
        hidden = not self._console.file.isatty()  # see `step`
        with Progress(*columns, console=self._console, transient=True, disable=hidden) as progress:
            task = progress.add_task(what, total=total)
            yield lambda done: progress.update(task, completed=done)

    def timeline(self, events: Sequence[Event]) -> None:
        table = Table("after", "event", "caused by", "version", border_style="dim")
        names = {event.id: event.event for event in events}
        for event in events:
            after = duration((event.at - events[0].at).total_seconds())
            cause = event.cause or "unknown"
            table.add_row(after, Text(event.event), Text(names.get(cause, cause)), str(event.version))
        self._console.print(table)

    def summary(self) -> None:
        self.chapter(f"All {self._steps} steps succeeded in {duration(time.monotonic() - self._began)}.")
