"""Stores the trace (W3C Trace Context) and the cause of the current work.

An event that is published during this work contains the trace and the cause. A log line contains the trace id.
"""

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
    """Continue the trace that `traceparent` names. If `traceparent` is missing or invalid, start a new trace.

    `cause` is what started the work: a request (for example "POST /api/orders") or the id of an event.
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
    """Replace the cause of the current work. The new cause is valid until the block of `continue_trace` ends."""
    _cause.set(cause)


def current_traceparent() -> str | None:
    """Return the value of the header `traceparent` with which a receiver can continue the current trace.

    Return None if there is no current trace.
    """
    carrier: dict[str, str] = {}
    _propagator.inject(carrier)
    return carrier.get("traceparent")


def current_trace_id() -> str | None:
    """Return the id of the current trace, which has 32 hexadecimal characters. Every log line contains this id.

    Return None if there is no current trace.
    """
    found = trace.get_current_span().get_span_context()
    return format(found.trace_id, "032x") if found.is_valid else None


def current_cause() -> str:
    """Return what started the current work. Return "unknown" if nobody has set a cause."""
    return _cause.get()
