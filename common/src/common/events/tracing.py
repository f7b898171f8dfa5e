"""Remembers the current trace and the current cause.

The cause is the request or the event that the service is processing now. A trace (W3C Trace Context) connects all work
that one request has started, including work in other services. If the service makes an event while it processes the
cause, the headers of this event contain the trace and the cause. The log lines contain the trace id.
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
    """In the `with` block, continue the trace that the header value `traceparent` names.

    If `traceparent` is missing or invalid, start a new trace. `cause` names the request or the event that the block
    processes, for example "POST /api/orders".
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
    """Replace the cause, which is the name of the request or the event that the service is processing now.

    This is necessary for an event, because the block `with continue_trace(...)` begins when the event is not yet
    decoded and its id is not yet known. The new cause is valid until this block ends.
    """
    _cause.set(cause)


def current_traceparent() -> str | None:
    """Return the value of the header `traceparent` with which a receiver can continue the current trace.

    Return None if there is no current trace.
    """
    carrier: dict[str, str] = {}
    _propagator.inject(carrier)
    return carrier.get("traceparent")


def current_trace_id() -> str | None:
    """Return the id of the current trace, which has 32 hexadecimal characters. The log lines contain this id.

    Return None if there is no current trace.
    """
    found = trace.get_current_span().get_span_context()
    return format(found.trace_id, "032x") if found.is_valid else None


def current_cause() -> str:
    """Return the request or the event that the service is processing now, for example "POST /api/orders".

    For an event, return its id. Return "unknown" if the service is processing neither a request nor an event.
    """
    return _cause.get()
