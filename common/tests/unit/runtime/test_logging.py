"""A log line is one JSON object, or text for people."""

import io
import json
import logging
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
import structlog

from common.events.tracing import continue_trace
from common.runtime.logging import configure_logging

TRACE_ID = "4bf92f3577b34da6a3ce929d0e0e4736"
TRACEPARENT = f"00-{TRACE_ID}-00f067aa0ba902b7-01"

ReadLog = Callable[[], str]
log = structlog.get_logger("test")

PASSWORD = "correct horse battery"


def test_a_line_has_its_service_time_level_and_trace(
    log_as: Callable[..., ReadLog],
) -> None:
    read = log_as("orders")
    with continue_trace(TRACEPARENT, cause="a test"):
        log.warning("ticket is gone", ticket="65f0")
    (line,) = [json.loads(each) for each in read().splitlines()]
    written_at = datetime.fromisoformat(line.pop("timestamp"))
    assert timedelta(0) <= datetime.now(UTC) - written_at < timedelta(seconds=10)
    assert line == {
        "service": "orders",
        "level": "warning",
        "event": "ticket is gone",
        "ticket": "65f0",
        "trace_id": TRACE_ID,
    }


def test_without_a_trace_a_line_has_no_trace_id(log_as: Callable[..., ReadLog]) -> None:
    read = log_as()
    log.info("ready")
    assert "trace_id" not in json.loads(read())


def test_lines_of_libraries_have_the_same_form(log_as: Callable[..., ReadLog]) -> None:
    read = log_as("orders")
    with continue_trace(TRACEPARENT, cause="a test"):
        logging.getLogger("uvicorn.error").warning("Exceeded concurrency limit of %s", 100)
    line = json.loads(read())
    assert line["event"] == "Exceeded concurrency limit of 100"
    assert (line["service"], line["level"], line["trace_id"]) == ("orders", "warning", TRACE_ID)
    assert datetime.fromisoformat(line["timestamp"]).tzinfo


@pytest.mark.parametrize("chatty", ["pymongo.command", "nats.aio.client", "stripe", "httpx", "uvicorn.access"])
def test_libraries_do_not_log_every_step_even_at_debug(chatty: str, log_as: Callable[..., ReadLog]) -> None:
    """The driver's debug lines contain documents, which contain secrets."""
    read = log_as("orders", "debug")
    logging.getLogger(chatty).debug("a step")
    logging.getLogger(chatty).info("another")
    assert read() == ""
    logging.getLogger(chatty).warning("a failure")
    assert "a failure" in read()


@pytest.mark.parametrize(
    ("level", "shown"),
    [
        ("debug", ["debug", "info", "warning", "error"]),
        ("info", ["info", "warning", "error"]),
        ("warning", ["warning", "error"]),
        ("error", ["error"]),
    ],
)
def test_lines_below_the_level_are_left_out(level: str, shown: list[str], log_as: Callable[..., ReadLog]) -> None:
    read = log_as("orders", level)
    for method in ["debug", "info", "warning", "error"]:
        getattr(log, method)("said")
    assert [json.loads(line)["level"] for line in read().splitlines()] == shown


def sign_in(password: str) -> None:
    raise RuntimeError(f"no connection for {len(password)} characters")


@pytest.mark.parametrize("log_format", ["json", "text"])
def test_a_failure_has_a_traceback_without_local_variables(log_format: str, log_as: Callable[..., ReadLog]) -> None:
    read = log_as("auth", "debug", log_format)
    try:
        sign_in(PASSWORD)
    except RuntimeError as error:
        log.error("request failed", exc_info=error)  # noqa: TRY400 - as the services do it
        logging.getLogger("uvicorn.error").exception("Exception in ASGI application")
    written = read()
    assert written.count("RuntimeError: no connection for 21 characters") == 2
    assert "in sign_in" in written
    assert PASSWORD not in written
    if log_format == "json":
        assert len(written.splitlines()) == 2, "one line each, however long the traceback"


def test_text_is_for_people(log_as: Callable[..., ReadLog]) -> None:
    read = log_as("orders", "info", "text")
    with continue_trace(TRACEPARENT, cause="a test"):
        log.warning("waiting for NATS", server="127.0.0.1:4222")
    (line,) = read().splitlines()
    assert "waiting for NATS" in line
    for part in ["[warning", "server=127.0.0.1:4222", f"trace_id={TRACE_ID}"]:
        assert part in line
    assert "\x1b" not in line, "no colours: it may be read in a file"
    assert not line.startswith("{")


def test_a_character_that_the_output_cannot_show_raises_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(io.BytesIO(), encoding="ascii"))
    configure_logging("orders", "info", "text")
    log.info("listed", title="Konzert in Köln")
    sys.stdout.close()
    log.info("listed", title="Concert")


def test_a_line_break_in_a_value_does_not_begin_a_new_line(log_as: Callable[..., ReadLog]) -> None:
    read = log_as("orders", "info", "json")
    log.info("request failed", path='/api/orders\n{"level": "info", "event": "all is well"}')
    assert len(read().splitlines()) == 1
