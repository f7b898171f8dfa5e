"""Tests that the list of rows, the files of the rows and the table in docs/performance.md have the same rows."""

import re
from pathlib import Path

from benchmarks.__main__ import ROWS

_BENCHMARKS = Path(__file__).parents[2]


def test_each_file_of_a_row_is_run() -> None:
    files = {file.stem for file in (_BENCHMARKS / "rows").glob("*.py")} - {"__init__"}
    assert files == set(ROWS)


def test_the_document_lists_the_rows_in_the_order_of_running() -> None:
    text = (_BENCHMARKS.parent / "docs" / "performance.md").read_text()
    assert re.findall(r"^\| \[(\w+)\]\(\.\./benchmarks/rows/\w+\.py\) \|", text, re.MULTILINE) == list(ROWS)
