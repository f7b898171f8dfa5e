"""The output in a terminal of any width, and in a pipe."""

import pytest
from marketplace.tests.integration.typed import first_byte_of, run, run_in_terminal

from common.messaging import dead_letters as dead_letter
from devkit.testing.events import EventStreams

SOURCE = "tickets-hold-ticket-on-order-created"


async def test_a_pipe_gets_one_line_per_row(environment: dict[str, str], streams: EventStreams) -> None:
    headers = {dead_letter.CONSUMER: SOURCE, dead_letter.SUBJECT: "order.created.x", dead_letter.REASON: "a b"}
    await streams.publish_bytes(f"dead-letter.{SOURCE}", b"{}", headers)
    heading, line = run(environment, "dead-letters", "list").stdout.splitlines()
    assert heading == heading.strip()
    assert heading.split() == ["id", "dead-lettered", "at", "consumer", "event", "deliveries", "reason"]
    assert line.startswith("1    ")
    assert line.endswith("   a b")
    lag = run(environment, "lag").stdout.splitlines()
    assert [each for each in lag if not each or each != each.rstrip()] == []


@pytest.mark.slow
@pytest.mark.parametrize("columns", [80, 96, 120])
async def test_no_name_is_folded(environment: dict[str, str], streams: EventStreams, columns: int) -> None:
    headers = {dead_letter.CONSUMER: SOURCE, dead_letter.SUBJECT: "order.created.x", dead_letter.REASON: "a b"}
    await streams.publish_bytes(f"dead-letter.{SOURCE}", b"{}", headers)
    assert SOURCE in run_in_terminal(environment, columns, "dead-letters", "list")


@pytest.mark.slow
@pytest.mark.parametrize("columns", [20, 60, 100, 300])
async def test_a_reason_is_complete_in_a_terminal_of_any_width(
    environment: dict[str, str], streams: EventStreams, columns: int
) -> None:
    reason = "ValueError: " + " ".join(f"word{number}" for number in range(30))
    headers = {dead_letter.CONSUMER: SOURCE, dead_letter.SUBJECT: "order.created.x", dead_letter.REASON: reason}
    await streams.publish_bytes(f"dead-letter.{SOURCE}", b"{}", headers)
    seen = run_in_terminal(environment, columns, "dead-letters", "list")
    assert "…" not in seen
    for word in reason.split():
        assert word in seen


@pytest.mark.slow
async def test_a_closed_pipe_causes_no_error_message(environment: dict[str, str], streams: EventStreams) -> None:
    for _ in range(5):
        await streams.publish_bytes(f"dead-letter.{SOURCE}", b"x" * 50_000)
    assert first_byte_of(environment, "dead-letters", "list", "--json") == (b"[", b"")
