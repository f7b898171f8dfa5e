"""Writes structured logs.

With the log format "json", each log line is one JSON object. With the log format "text", people can read the log lines
directly. A log line contains the trace id of the request or of the event that the service is processing.
"""

import logging
import sys
from contextlib import suppress
from typing import Literal

import structlog
from structlog.typing import EventDict, WrappedLogger

from common.events.tracing import current_trace_id

LogLevel = Literal["debug", "info", "warning", "error"]
LogFormat = Literal["json", "text"]


class _Output:
    """Writes to standard output and ignores errors, because writing a log line must not make the service fail.

    For example, writing fails if the disk is full, if the pipe is closed, or if the terminal cannot show a character.
    """

    def write(self, text: str) -> None:
        with suppress(OSError, ValueError):
            sys.stdout.write(text)

    def flush(self) -> None:
        with suppress(OSError, ValueError):
            sys.stdout.flush()


def configure_logging(service: str, level: LogLevel, log_format: LogFormat) -> None:
    for_people = log_format == "text"

    def add_context(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
        # Only JSON lines need this field. People read the text lines in the output of `make run`, which starts all
        # services and writes the name of the service before each line.
        if not for_people:
            event["service"] = service
        if trace_id := current_trace_id():
            event["trace_id"] = trace_id
        return event

    shared: list[structlog.typing.Processor] = [
        add_context,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="%H:%M:%S", utc=False)
        if for_people
        else structlog.processors.TimeStamper(fmt="iso"),
        structlog.processors.StackInfoRenderer(),
    ]
    renderer: list[structlog.typing.Processor] = (
        [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
        if not for_people
        # We do not use the default traceback of ConsoleRenderer, because it can print local variables. They may contain
        # passwords.
        else [
            structlog.dev.ConsoleRenderer(
                colors=False, pad_event_to=0, exception_formatter=structlog.dev.plain_traceback
            )
        ]
    )
    # structlog writes our own log lines directly. If we used the standard library, each line would take twice the time.
    structlog.configure(
        processors=[*shared, *renderer],
        logger_factory=structlog.WriteLoggerFactory(_Output()),  # type: ignore[arg-type] # structlog calls only these two methods
        wrapper_class=structlog.make_filtering_bound_logger(getattr(logging, level.upper())),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *renderer],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level.upper())
    # At the level "info", these libraries would log every request and every heartbeat. So we log only their warnings
    # and errors.
    for chatty in ("pymongo", "nats", "stripe", "httpx", "asyncio", "uvicorn"):
        logging.getLogger(chatty).setLevel(max(logging.WARNING, root.level))
