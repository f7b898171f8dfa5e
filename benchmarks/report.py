"""What a run leaves behind: a table for people, and benchmarks/results.json."""

import json
import os
import platform
from collections.abc import Sequence
from pathlib import Path

from rich import box
from rich.table import Table

from benchmarks.figures import Row

_RESULTS = Path(__file__).parent / "results.json"
_COLUMNS = ("row", "median", "from, to", "unit", "floor", "ratio", "target", "met")


def table_of(rows: Sequence[Row], *, smoke: bool) -> Table:
    """Without targets for a smoke run, whose numbers are too small to be held to any."""
    table = Table(*_COLUMNS, box=box.SIMPLE_HEAD, pad_edge=False)
    for row in rows:
        target = "" if smoke or row.target is None else row.target.text
        met = "" if smoke or row.met is None else ("met" if row.met else "MISSED")
        spread = f"{_short(min(row.rounds))}, {_short(max(row.rounds))}"
        table.add_row(row.what, _short(row.median), spread, row.unit, _short(row.floor), _short(row.ratio), target, met)
    return table


def notes_of(rows: Sequence[Row]) -> list[str]:
    return [f"{row.what}: {what}: {figure}" for row in rows for what, figure in row.notes.items()]


def keep(rows: Sequence[Row], *, driver: str, rounds: int, load_before: float) -> None:
    results = {
        "driver": driver,
        "rounds": rounds,
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "load_average_before": round(load_before, 2),
        "rows": [row.to_json() for row in rows],
    }
    _RESULTS.write_text(json.dumps(results, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def _short(value: float | None) -> str:
    """Three digits, and no more decimals than that."""
    if value is None:
        return ""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"  # noqa: PLR2004 - three digits either way
