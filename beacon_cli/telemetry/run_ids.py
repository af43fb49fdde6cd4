"""The ids of a run's trace follow from the id of the run, so that a later run of its job can point to it."""

from __future__ import annotations

import hashlib

from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from opentelemetry.trace import SpanContext, TraceFlags


def span_context_of(run_id: str) -> SpanContext:
    """Return where the trace of a run begins."""
    digest = hashlib.sha256(run_id.encode()).digest()
    return SpanContext(
        trace_id=int.from_bytes(digest[:16], "big"),
        span_id=int.from_bytes(digest[16:24], "big"),
        is_remote=True,
        trace_flags=TraceFlags(TraceFlags.SAMPLED),
    )


class RunIds(RandomIdGenerator):
    """Random ids, but for the first span after `begin`, which is that of a run."""

    def __init__(self) -> None:
        self._next: SpanContext | None = None

    def begin(self, run_id: str) -> None:
        """Give the next trace, and its first span, the ids of a run."""
        self._next = span_context_of(run_id)

    def generate_trace_id(self) -> int:
        """Return the id of a trace."""
        return self._next.trace_id if self._next is not None else super().generate_trace_id()

    def generate_span_id(self) -> int:
        """Return the id of a span; a run has its own only once."""
        given, self._next = self._next, None
        return given.span_id if given is not None else super().generate_span_id()
