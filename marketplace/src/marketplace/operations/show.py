"""Prints tables, lines and JSON, for the commands for operators.

The functions never shorten a text. If stored data contain control characters, the functions escape them.
"""

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
"""If a text has more characters than this, the table may break the text into several lines.

The column of such a text has at least this width.
"""
_BETWEEN_COLUMNS = 3

console = Console(highlight=False, markup=False, soft_wrap=True)


def show_line(text: str, style: str | None = None) -> None:
    console.print(printable(text), style=style)


def show_json(value: Any) -> None:  # noqa: ANN401 - any JSON value
    typer.echo(json.dumps(value, indent=2))


def show_table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a table.

    In a terminal, the table may break a long text into several lines. If the terminal is too narrow even for this,
    print a list with one line per cell. If the output is not a terminal, print exactly one line per row of the table.
    """
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
    """Return the smallest width that the column may have, so that the table does not split a word over two lines.

    If an id were split over two lines, nobody could copy the id or search for it.
    """
    longest_word = max((cell_len(word) for text in column for word in text.split()), default=0)
    return max(longest_word, min(natural, _FOLDED_WIDTH))


def _show_lines(columns: Sequence[str], rows: Sequence[Sequence[str]], widths: Sequence[int]) -> None:
    """Print the heading and one line per row, so that `grep` and `awk` can process the output."""
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


def as_json_text(value: object) -> str:
    """Return a stored value as JSON text.

    The audit shows the values that differ in this format. An operator can compare them with an event or with an answer
    of the API, because these have the same format.
    """
    return to_json(value, fallback=str, bytes_mode="base64", inf_nan_mode="constants").decode()


def counted(count: int, noun: str) -> str:
    """Return the count with the noun, which has a final "s" if the count is not 1: `1 event`, `2 events`."""
    return f"{count} {noun}{'' if count == 1 else 's'}"


def printable(text: str) -> str:
    """Return the text, in which all characters that cannot be printed are escaped.

    An event may contain control sequences. Without the escaping, the terminal would execute them.
    """
    return "".join(each if each.isprintable() else each.encode("unicode_escape").decode() for each in text)
