"""OpenTelemetry: each step of a message is a span of one trace; without the package or a collector nothing happens."""

from __future__ import annotations

import builtins
import importlib
from pathlib import Path
from typing import Any

import pytest

from mailbot import tracing
from mailbot.secret import Secret
from tests.flow import mail, running

SECRET = Secret(b"k" * 32)


@pytest.fixture(autouse=True)
def _silent_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tracing, "tell", tracing.tell)


async def test_all_steps_of_a_message_are_one_trace(tmp_path: Path) -> None:
    export = pytest.importorskip("opentelemetry.sdk.trace.export")
    kept = importlib.import_module("opentelemetry.sdk.trace.export.in_memory_span_exporter").InMemorySpanExporter()
    tracing.to(SECRET, export.SimpleSpanProcessor(kept))
    async with running(tmp_path) as flow:
        await flow.answer(mail(name="first"))
        await flow.answer(mail(name="other", sender="kto.inny@obcy.example"), "kto.inny@obcy.example")
    spans = kept.get_finished_spans()
    first = [span for span in spans if span.attributes["mailbot.id"] == "m1"]
    assert [span.name for span in first] == ["store", "understand", "record", "send", "send", "send"]
    assert len({span.context.trace_id for span in first}) == 1
    assert len({span.context.trace_id for span in spans}) == 2
    assert all(span.start_time <= span.end_time for span in spans)
    assert {key for span in spans for key in span.attributes} == {"mailbot.id"}


def test_another_installation_has_other_traces() -> None:
    export = pytest.importorskip("opentelemetry.sdk.trace.export")
    kept = importlib.import_module("opentelemetry.sdk.trace.export.in_memory_span_exporter").InMemorySpanExporter()
    for key in (SECRET, SECRET, Secret(b"o" * 32)):
        tracing.to(key, export.SimpleSpanProcessor(kept))
        tracing.tell("send", 1, 10, 20)
    assert len({span.context.trace_id for span in kept.get_finished_spans()}) == 2


def test_without_a_collector_nothing_is_imported_and_without_the_package_it_is_said(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    real = builtins.__import__

    def absent(name: str, *arguments: Any, **more: Any) -> Any:
        if name.startswith("opentelemetry"):
            raise ImportError(name)
        return real(name, *arguments, **more)

    monkeypatch.setattr(builtins, "__import__", absent)
    with caplog.at_level("INFO", logger="mailbot"):
        tracing.begin(SECRET, {})
        assert not caplog.records
        tracing.begin(SECRET, {tracing.ENDPOINT: "http://127.0.0.1:1"})
    assert "mailbot[otel]" in caplog.text
    tracing.tell("send", 1, 10, 20)
