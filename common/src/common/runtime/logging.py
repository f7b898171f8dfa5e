"""Structured logs: one JSON object a line (or text, for people), each with the trace id that it belongs to."""

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
    """A full disk, a reader that has gone, a letter that the terminal lacks: none of it may fail who logs."""

    def write(self, text: str) -> None:
        with suppress(OSError, ValueError):
            sys.stdout.write(text)

    def flush(self) -> None:
        with suppress(OSError, ValueError):
            sys.stdout.flush()


def configure_logging(service: str, level: LogLevel, log_format: LogFormat) -> None:
    for_people = log_format == "text"

    def add_context(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
        if not for_people:  # who reads text sees it in the prefix of the line, or has started just this one
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
        # The default way to show a failure prints the variables around it, passwords and tokens included.
        else [
            structlog.dev.ConsoleRenderer(
                colors=False, pad_event_to=0, exception_formatter=structlog.dev.plain_traceback
            )
        ]
    )
    # Our own lines go straight to the output: through the standard library, each would cost twice as much.
    structlog.configure(
        processors=[*shared, *renderer],
        logger_factory=structlog.WriteLoggerFactory(_Output()),  # type: ignore[arg-type] # all that it needs of a file
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
    # What these say at "info" is about every request or heartbeat; our own lines say what happened.
    for chatty in ("pymongo", "nats", "stripe", "httpx", "asyncio", "uvicorn"):
        logging.getLogger(chatty).setLevel(max(logging.WARNING, root.level))
