"""What a run leaves behind: a table for people, benchmarks/results.json, and the plots beside it."""

import json
import os
import platform
from collections.abc import Sequence
from pathlib import Path

from rich import box
from rich.table import Table

from benchmarks.figures import Row
from benchmarks.plots import Plot

_COLUMNS = ("row", "median", "from, to", "unit", "floor", "ratio", "times first", "target", "met")
_NONE = "none"


def table_of(rows: Sequence[Row], *, smoke: bool) -> Table:
    """Without targets for a smoke run, whose numbers are too small to be held to any."""
    table = Table(*_COLUMNS, box=box.SIMPLE_HEAD, pad_edge=False)
    for row in rows:
        target = "" if smoke else (row.target.text if row.target else _NONE)
        met = "" if smoke or row.met is None else ("met" if row.met else "MISSED")
        spread = f"{_short(min(row.rounds))}, {_short(max(row.rounds))}"
        floor = _short(row.floor) or _NONE
        compared = (floor, _short(row.ratio), "" if smoke else _short(row.times_first))
        table.add_row(row.what, _short(row.median), spread, row.unit, *compared, target, met)
    return table


def notes_of(rows: Sequence[Row], *, smoke: bool) -> list[str]:
    notes = [f"{row.what}: {what}: {figure}" for row in rows for what, figure in row.notes.items()]
    return notes if smoke else notes + [_beside_the_first(row) for row in rows if row.times_first is not None]


def _beside_the_first(row: Row) -> str:
    comparison = f"{row.what}: {_short(row.times_first)} times the first measured version"
    comparison += f" ({_short(row.ratio)} of the floor, then {_short(row.first_measured)})"
    if row.target is None or row.met_times_first is None:
        return comparison
    return f"{comparison}; at least {row.target.times_first}: {'met' if row.met_times_first else 'MISSED'}"


def keep(  # noqa: PLR0913 - all but two are named
    rows: Sequence[Row], plots: Sequence[Plot], *, folder: Path, driver: str, rounds: int, load_before: float
) -> None:
    results = {
        "driver": driver,
        "rounds": rounds,
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "load_average_before": round(load_before, 2),
        "rows": [row.to_json() for row in rows],
        "plots": [plot.to_json() for plot in plots],
    }
    text = json.dumps(results, indent=2, ensure_ascii=False) + "\n"
    (folder / "results.json").write_text(text, encoding="utf-8")
    drawn = folder / "plots"
    drawn.mkdir(exist_ok=True)
    for plot in plots:
        plot.draw(drawn)


def _short(value: float | None) -> str:
    """Three digits, and no more decimals than that."""
    if value is None:
        return ""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"  # noqa: PLR2004 - three digits either way
