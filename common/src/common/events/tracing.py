"""The trace (W3C Trace Context) that follows a request through the events it causes, and into every log line."""

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
    """Run in the trace that came in; begin one where none, or a broken one, came.

    `cause` is what set this work off: a request ("POST /api/orders") or the id of an event.
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
    """What sets off all that follows in this task, now that it is known."""
    _cause.set(cause)


def current_traceparent() -> str | None:
    """The header that hands the present trace on; None outside of any."""
    carrier: dict[str, str] = {}
    _propagator.inject(carrier)
    return carrier.get("traceparent")


def current_trace_id() -> str | None:
    """32 hexadecimal characters, the correlation id in every log line; None outside of any trace."""
    found = trace.get_current_span().get_span_context()
    return format(found.trace_id, "032x") if found.is_valid else None


def current_cause() -> str:
    return _cause.get()
