"""What `make run` prints of the logs of the services."""

from pathlib import Path

import pytest

from marketplace.output import Output


def shown(log: Path, lines: int, capsys: pytest.CaptureFixture[str]) -> list[str]:
    output = Output(verbose=True)
    output.follow("orders", log)
    log.write_text("".join(f"event {number} handled\n" for number in range(lines)))
    output.show_new_lines()
    return [line.removeprefix("orders").strip() for line in capsys.readouterr().out.splitlines()]


def test_all_new_lines_of_a_log_are_printed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = shown(tmp_path / "orders.log", 200, capsys)
    assert found == [f"event {number} handled" for number in range(200)]


def test_of_a_flood_of_lines_only_the_last_ones_are_printed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Otherwise nobody could read the other messages while a service handles thousands of old events."""
    log = tmp_path / "orders.log"
    last = [f"event {number} handled" for number in (497, 498, 499)]
    assert shown(log, 500, capsys) == [f"... 497 more lines in {log}", *last]
