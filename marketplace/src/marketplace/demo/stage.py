"""Where the story is shown: a line a step, and on a terminal something that moves while a step is under way."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime

from rich.console import Console, RenderableType
from rich.constrain import Constrain
from rich.live import Live
from rich.spinner import Spinner
from rich.text import Text

from marketplace.demo import look
from marketplace.demo.failures import StepFailed
from marketplace.demo.timeline import Row

_INTRODUCTION = (
    "Five services that never call one another: they hear of each other by events.\n"
    "On the right: a request's status, or an event's effect; and how long it took."
)
_WIDEST = 100
_BREATH = 0.4
_IN_ASCII = str.maketrans({"✓": "+", "✗": "x", "“": '"', "”": '"', "…": "...", "—": "-", "·": "-"})


class Step:
    """One step under way; the story says what came of it."""

    def __init__(self, who: str, what: str) -> None:
        self.who = who
        self.what = what
        self.how = ""
        self.took = ""
        self.began = datetime.now(UTC)
        self.deadline: datetime | None = None
        """Set it, and the viewer sees it come nearer."""

    def over(self, *, what: str | None = None, how: int | str = "event", took: float | str) -> None:
        """`how`: the answer's HTTP status, or "event" for an effect that nobody called for; `took`: seconds or text."""
        self.what = what or self.what
        self.how = str(how)
        self.took = took if isinstance(took, str) else look.duration(took)


class Stage:
    def __init__(self, console: Console) -> None:
        self._console = console
        self._width = min(console.width, _WIDEST)
        # FORCE_COLOR makes rich take a log file for a terminal; an animation in there is a page of debris.
        self._moves = console.is_interactive and console.file.isatty()
        self._ascii = not console.encoding.startswith("utf")
        self._began = time.monotonic()
        self._steps = 0
        self._step: Step | None = None

    def opening(self, gateway: str) -> None:
        name = Text.assemble(("Ticket marketplace", "bold"), (self._legible(f" · {gateway}"), "dim"))
        self._print()
        self._print(name)
        self._print(Text(_INTRODUCTION, "dim"))

    def chapter(self, title: str) -> None:
        self._print()
        self._print(self._text(title, "bold"))
        if self._moves:
            time.sleep(_BREATH)  # so that it can be followed; nothing is measured across chapters

    @contextmanager
    def step(self, who: str, what: str) -> Iterator[Step]:
        """Show the step while it is under way, then what came of it."""
        self._steps += 1
        self._step = step = Step(who, what)
        try:
            with self._moving(lambda spinner: self._under_way(step, spinner)):
                yield step
        except StepFailed:
            self._print(look.line(self._text("✗", "red"), step.who, self._text(step.what)))
            raise
        self._print(look.line(self._text("✓", "green"), step.who, self._text(step.what), step.how, step.took))

    @contextmanager
    def looking_for(self, gateway: str) -> Iterator[None]:
        text = self._text(f"looking for the platform at {gateway}…", "dim")
        with self._moving(lambda spinner: look.aside(spinner, text)):
            yield

    def notice(self, sentence: str) -> None:
        self._print(look.aside(self._text("·", "yellow"), self._text(sentence, "yellow")))

    def timeline(self, rows: Sequence[Row]) -> None:
        self._print(look.timeline([replace(row, cause=self._legible(row.cause)) for row in rows]))

    def closing(self, findings: Sequence[tuple[str, str]]) -> None:
        self._print()
        title = f"All {self._steps} steps happened, in {look.duration(time.monotonic() - self._began)}"
        self._print(look.findings(title, [(name, self._legible(text)) for name, text in findings]))

    def failed(self, failure: StepFailed) -> None:
        step = self._step
        told = [
            ("step", f"{step.who} {step.what}" if step else "getting there"),
            ("expected", failure.expected),
            ("seen", failure.seen),
            ("next", f"look in the services' logs around {datetime.now().astimezone():%H:%M:%S}"),
        ]
        self._print()
        self._print(look.failure(f"Step {self._steps} did not happen", [(n, self._legible(t)) for n, t in told]))

    def refused(self, sentence: str) -> None:
        self._print(self._text(sentence, "red"))

    def _under_way(self, step: Step, spinner: Spinner) -> RenderableType:
        what = self._text(step.what)
        if step.deadline is None:
            return look.line(spinner, step.who, what)
        left = max(0.0, (step.deadline - datetime.now(UTC)).total_seconds())
        whole = (step.deadline - step.began).total_seconds()
        return look.line(spinner, step.who, look.countdown(what, whole, left), took=f"{left:.1f} s left")

    @contextmanager
    def _moving(self, render: Callable[[Spinner], RenderableType]) -> Iterator[None]:
        if not self._moves:
            yield
            return
        spinner = Spinner("line" if self._ascii else "dots", style="cyan")
        with Live(
            get_renderable=lambda: self._fitted(render(spinner)),
            console=self._console,
            transient=True,
            refresh_per_second=12,
        ):
            yield

    def _fitted(self, renderable: RenderableType) -> RenderableType:
        return Constrain(renderable, self._width)

    def _print(self, renderable: RenderableType = "") -> None:
        self._console.print(renderable, width=self._width)

    def _text(self, text: str, style: str = "") -> Text:
        return Text(self._legible(text), style)

    def _legible(self, text: str) -> str:
        """The text in what the terminal can show: a plain C locale must not end the demo with an encoding error."""
        if not self._ascii:
            return text
        return text.translate(_IN_ASCII).encode(self._console.encoding, "replace").decode(self._console.encoding)
