"""What a person reads, and what a script reads. Nothing is cut off, and nothing that was stored moves the cursor."""

import json
from collections.abc import Sequence
from typing import Any

import typer
from pydantic_core import to_json
from rich import box
from rich.cells import cell_len, set_cell_size
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
    cells = list(zip(columns, *rows, strict=True))
    natural = [max(map(cell_len, column)) for column in cells]
    if not console.is_terminal:
        return _show_lines(columns, rows, natural)
    least = [_least_width(column, needed) for column, needed in zip(cells, natural, strict=True)]
    if sum(least) + _BETWEEN_COLUMNS * len(columns) > console.width:
        return _show_list(columns, rows)
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for name, needed, width in zip(columns, natural, least, strict=True):
        table.add_column(
            Text(name),
            justify="right" if name in _NUMBERS else "left",
            overflow="fold",
            no_wrap=needed <= width,
            min_width=width,
        )
    for row in rows:
        table.add_row(*map(Text, row))
    return Console(highlight=False, width=console.width).print(table)


def _least_width(column: Sequence[str], natural: int) -> int:
    """No word is broken: a name or an id that goes on in the next line cannot be copied, nor searched for."""
    longest_word = max((cell_len(word) for text in column for word in text.split()), default=0)
    return max(longest_word, min(natural, _FOLDED_WIDTH))


def _show_lines(columns: Sequence[str], rows: Sequence[Sequence[str]], widths: Sequence[int]) -> None:
    """For whoever reads it with `grep` and `awk`: the heading, and a line for each row."""
    for row in (columns, *rows):
        padded = [
            " " * (width - cell_len(text)) + text if name in _NUMBERS else set_cell_size(text, width)
            for name, text, width in zip(columns, row, widths, strict=True)
        ]
        console.print(Text((" " * _BETWEEN_COLUMNS).join(padded).rstrip()))


def _show_list(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    for row in rows:
        for name, text in zip(columns, row, strict=True):
            if text:
                console.print(Text(f"{name}: " if name else ""), Text(text), sep="")
        console.print()


def shown(value: object) -> str:
    """A stored value as JSON has it: what the API, the events and `--json` show, and not what Python calls it."""
    return to_json(value, fallback=str, bytes_mode="base64", inf_nan_mode="constants").decode()


def counted(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"


def printable(text: str) -> str:
    """An event may hold anything, even orders to the terminal: those are shown and not obeyed."""
    return "".join(each if each.isprintable() else each.encode("unicode_escape").decode() for each in text)
