"""Keeps the trace (W3C Trace Context) and the cause of the current work. Events and log lines carry both on."""

import random
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from opentelemetry import context, trace
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

_propagator = TraceContextTextMapPropagator()
_cause: ContextVar[str] = ContextVar("cause", default="unknown")


@contextmanager
def continue_trace(traceparent: str | None, *, cause: str) -> Iterator[None]:
    """Continue the trace that `traceparent` names. Start a new trace if it is missing or invalid.

    `cause` is what started the work: a request ("POST /api/orders") or the id of an event.
    """
    incoming = _propagator.extract({"traceparent": traceparent}) if traceparent else context.Context()
    parent = trace.get_current_span(incoming).get_span_context()
    here = trace.SpanContext(
        trace_id=parent.trace_id if parent.is_valid else random.getrandbits(128) or 1,
        span_id=random.getrandbits(64) or 1,
        is_remote=False,
        trace_flags=parent.trace_flags,
    )
    token = context.attach(trace.set_span_in_context(trace.NonRecordingSpan(here)))
    cause_token = _cause.set(cause)
    try:
        yield
    finally:
        _cause.reset(cause_token)
        context.detach(token)


def set_cause(cause: str) -> None:
    """Replace the cause for the rest of the current task."""
    _cause.set(cause)


def current_traceparent() -> str | None:
    """The value of the header `traceparent` that continues the current trace. None without a trace."""
    carrier: dict[str, str] = {}
    _propagator.inject(carrier)
    return carrier.get("traceparent")


def current_trace_id() -> str | None:
    """The id of the current trace, 32 hexadecimal characters, which every log line shows. None without a trace."""
    found = trace.get_current_span().get_span_context()
    return format(found.trace_id, "032x") if found.is_valid else None


def current_cause() -> str:
    """What started the current work, or "unknown"."""
    return _cause.get()
