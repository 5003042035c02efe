"""Spans of OpenTelemetry, for whoever installed `mailbot[otel]` and names a collector in the environment; else nothing.

A step is told when it is over. The trace of a message is made of its id and the key, so whichever process does a step
of it adds to the same one, and two installations never share one.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Any

from mailbot.observe import log_event, road
from mailbot.secret import Secret

ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT"
Tell = Callable[[str, int, int, int], None]
"""Step, row of the inbox, begin and end (nanoseconds since 1970)."""


def _nothing(name: str, inbox_id: int, began: int, ended: int) -> None:
    pass


tell: Tell = _nothing
"""Told of each step that is over."""


def begin(secret: Secret, environment: Mapping[str, str] = os.environ) -> None:
    """From now on spans go to the collector of ``environment``, by OTLP over HTTP; it says the rest, too (OTEL_…)."""
    if not environment.get(ENDPOINT):
        return
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ImportError:
        log_event("traces-off", reason=f"{ENDPOINT}: no package for it; mend: pip install mailbot[otel]")
        return
    to(secret, BatchSpanProcessor(OTLPSpanExporter()))


def to(secret: Secret, processor: Any) -> None:
    """From now on spans go to ``processor``."""
    from opentelemetry.sdk.resources import SERVICE_NAME, Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags, set_span_in_context

    provider = TracerProvider(resource=Resource.create({SERVICE_NAME: "mailbot"}))
    provider.add_span_processor(processor)
    tracer = provider.get_tracer("mailbot")

    def span(name: str, inbox_id: int, began: int, ended: int) -> None:
        digest = secret.mac("trace", road(inbox_id))
        whole, first = int.from_bytes(digest[:16], "big"), int.from_bytes(digest[16:24], "big")
        above = NonRecordingSpan(SpanContext(whole, first, is_remote=True, trace_flags=TraceFlags(TraceFlags.SAMPLED)))
        told = {"mailbot.id": road(inbox_id)}
        tracer.start_span(name, set_span_in_context(above), attributes=told, start_time=began).end(ended)

    global tell
    tell = span
