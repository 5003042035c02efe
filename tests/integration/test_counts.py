"""What a process counts of a day's work; labels are bounded, and a restart takes nothing else with it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from prometheus_client import exposition
from prometheus_client.openmetrics import exposition as openmetrics
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse

from mailbot import counts
from mailbot.counts import REGISTRY, Tally
from mailbot.model import ApplicationState
from tests.flow import mail, running

Value = Callable[..., float]


@pytest.fixture
def more() -> Value:
    """How much a sample has grown since the test began."""
    before = {(s.name, *sorted(s.labels.items())): s.value for f in REGISTRY.collect() for s in f.samples}

    def grown(name: str, **labels: str) -> float:
        now = REGISTRY.get_sample_value(f"mailbot_{name}", labels) or 0.0
        return now - before.get((f"mailbot_{name}", *sorted(labels.items())), 0.0)

    return grown


async def test_a_mail_is_counted_at_each_step(tmp_path: Path, more: Value) -> None:
    async with running(tmp_path) as flow:
        answers = iter(["451 4.3.0 later", None, None, None])
        flow.sink.answer = lambda _: next(answers)
        assert await flow.answer(mail(name="first")) == "OK_A"
        await flow.take(mail(name="first"))
        flow.clock.advance(minutes=5)
        await flow.deliver()
    assert more("messages_accepted_total", source="lmtp") == 1
    assert more("messages_repeated_total", source="lmtp") == 1
    assert more("decisions_total", outcome="OK_A", rule="case-a") == 1
    assert more("senders_total", verdict="pass") == 1
    assert more("signatures_total", verdict=ApplicationState.NONE.value) == 1
    assert more("sends_total", result="postponed", code="451") == 1
    assert more("sends_total", result="sent", code="250") == 3
    assert more("relay_connections_total") >= 1
    assert more("decided_after_seconds_count") == 1
    assert [more("step_seconds_count", step=step) for step in counts.STEPS] == [2, 1, 0, 1, 4]


async def test_what_is_refused_is_counted_by_reason(tmp_path: Path, more: Value) -> None:
    async with running(tmp_path) as flow:
        flow.parts.database.engine.dispose()
        with flow.parts.database.engine.begin() as connection:
            connection.exec_driver_sql("DROP TABLE raw_message")
        with pytest.raises(OSError, match="451"):
            await flow.take(mail(name="first"))
    assert (
        more("messages_refused_total", source="lmtp", reason="failed")
        + more("messages_refused_total", source="lmtp", reason="unavailable")
        == 1
    )
    assert more("messages_accepted_total", source="lmtp") == 0


def test_others_cannot_make_series_without_end() -> None:
    tally = Tally("test_bounded", "For this test", "code")
    for code in range(10_000):
        tally(code)
    REGISTRY.unregister(tally._counter)
    found = [s for f in tally._counter.collect() for s in f.samples]
    assert len(found) == 201
    assert {s.labels["code"]: s.value for s in found}["other"] == 9_800


@pytest.mark.parametrize("form", [openmetrics.generate_latest, exposition.generate_latest])
def test_both_forms_are_what_prometheus_reads(form: Callable[[object], bytes]) -> None:
    text = form(REGISTRY).decode()
    if form is openmetrics.generate_latest:
        types = {family.name: family.type for family in parse(text)}  # type: ignore[no-untyped-call]
        assert types["mailbot_messages_accepted"] == "counter"
        assert types["mailbot_step_seconds"] == "histogram"
        assert text.endswith("# EOF\n")
    assert "_created" not in text
