"""How things look: the columns of a step's line, the tables, the panels. Colour is kept for what carries meaning."""

from collections.abc import Sequence

from rich import box
from rich.console import RenderableType
from rich.padding import Padding
from rich.panel import Panel
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from marketplace.demo.timeline import Row

_MINUTE = 60
_INDENT = (0, 0, 0, 2)
_WHO = len("expiration")
_SERVICES = frozenset({"auth", "tickets", "orders", "expiration", "payments"})
_ORDINARY = frozenset({"200", "201"})


def duration(seconds: float) -> str:
    """As a person would say it: “4 ms”, “2.31 s”, “15 min”."""
    if abs(seconds) >= 2 * _MINUTE:
        return f"{seconds / _MINUTE:.0f} min"
    return f"{seconds * 1000:.0f} ms" if abs(seconds) < 1 else f"{seconds:.2f} s"


def line(mark: RenderableType, who: str, what: RenderableType, how: str = "", took: str = "") -> RenderableType:
    """mark, who (a person, or in cyan a service), what, how (an HTTP status or "event") and how long it took."""
    grid = Table.grid(padding=(0, 1), expand=True)
    grid.add_column(width=1)
    grid.add_column(width=_WHO)
    grid.add_column(ratio=1)
    grid.add_column(width=5, justify="right")
    grid.add_column(width=11, justify="right")
    how_style = "cyan" if how == "event" else "green" if how in _ORDINARY else "yellow"
    grid.add_row(mark, Text(who, "cyan" if who in _SERVICES else ""), what, Text(how, how_style), Text(took, "dim"))
    return Padding(grid, _INDENT)


def countdown(what: Text, whole: float, left: float) -> RenderableType:
    """What a step does, and beside it how much of the `whole` time (seconds) is over."""
    grid = Table.grid(padding=(0, 2))
    grid.add_row(what, ProgressBar(whole, whole - left, width=18, complete_style="cyan", finished_style="cyan"))
    return grid


def aside(mark: RenderableType, text: RenderableType) -> RenderableType:
    """What is said between two steps."""
    grid = Table.grid(padding=(0, 1))
    grid.add_row(mark, text)
    return Padding(grid, _INDENT, expand=False)


def timeline(rows: Sequence[Row]) -> RenderableType:
    table = Table(box=box.ROUNDED, border_style="dim", header_style="dim", expand=True)
    table.add_column("after", justify="right", no_wrap=True)
    table.add_column("event", style="cyan")
    table.add_column("because of")
    table.add_column("version", justify="right")
    for row in rows:
        table.add_row(duration(row.after), Text(row.event), Text(row.cause), str(row.version))
    return Padding(table, _INDENT)


def findings(title: str, pairs: Sequence[tuple[str, str]]) -> RenderableType:
    return _panel(title, _pairs(pairs, "bold"), "green")


def failure(title: str, pairs: Sequence[tuple[str, str]]) -> RenderableType:
    return _panel(title, _pairs(pairs, "dim"), "red")


def _panel(title: str, content: RenderableType, colour: str) -> RenderableType:
    return Panel(content, title=Text(title, f"bold {colour}"), title_align="left", border_style=colour, padding=(1, 2))


def _pairs(pairs: Sequence[tuple[str, str]], style: str) -> RenderableType:
    grid = Table.grid(padding=(0, 2))
    grid.add_column(style=style, no_wrap=True)
    grid.add_column(overflow="fold")
    for name, text in pairs:
        grid.add_row(Text(name), Text(text))
    return grid
