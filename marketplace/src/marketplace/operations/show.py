"""What a person reads, and what a script reads. Nothing is cut off, and nothing that was stored moves the cursor."""

import json
from collections.abc import Sequence
from typing import Any

import typer
from rich import box
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

_NUMBERS = {"version", "pending", "in flight", "redelivered", "oldest", "deliveries"}
_FOLDED_WIDTH = 24
"""A longer text may go on in the next line, but not in a narrower column than that."""
_BETWEEN_COLUMNS = 3

console = Console(highlight=False, markup=False, soft_wrap=True)


def say(sentence: str, style: str | None = None) -> None:
    console.print(printable(sentence), style=style)


def show_json(value: Any) -> None:  # noqa: ANN401 - whatever JSON can hold
    typer.echo(json.dumps(value, indent=2))


def show_table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """As a table; one line a row where the output is no terminal. In a terminal too narrow for it, as a list."""
    rows = [[printable(cell) for cell in row] for row in rows]
    natural = [max(map(cell_len, column)) for column in zip(columns, *rows, strict=True)]
    gaps = _BETWEEN_COLUMNS * len(columns)
    width = console.width if console.is_terminal else sum(natural) + gaps
    if sum(min(each, _FOLDED_WIDTH) for each in natural) + gaps > width:
        return _show_list(columns, rows)
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for name, needed in zip(columns, natural, strict=True):
        table.add_column(
            Text(name),
            justify="right" if name in _NUMBERS else "left",
            overflow="fold",
            no_wrap=needed <= _FOLDED_WIDTH,
            min_width=min(needed, _FOLDED_WIDTH),
        )
    for row in rows:
        table.add_row(*map(Text, row))
    return Console(highlight=False, width=width).print(table)


def _show_list(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    for row in rows:
        for name, text in zip(columns, row, strict=True):
            if text:
                console.print(Text(f"{name}: " if name else ""), Text(text), sep="")
        console.print()


def printable(text: str) -> str:
    """An event may hold anything, even orders to the terminal: those are shown and not obeyed."""
    return "".join(each if each.isprintable() else each.encode("unicode_escape").decode() for each in text)
