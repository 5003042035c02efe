"""The log: JSON throughout, and one id leads from the way in over the ticket to the answer of the outgoing server."""

from __future__ import annotations

import asyncio
import io
import json
import logging
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from _pytest.logging import LogCaptureHandler

from mailbot import logs
from mailbot.config import LogForm
from mailbot.model import MailKind
from mailbot.observe import about, log_event
from tests.flow import JAN, Flow, mail, running


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    root, ours = logging.getLogger(), logging.getLogger("mailbot")
    before = root.level, root.handlers[:], ours.level
    found = io.StringIO()
    logs.to(found)
    yield found
    root.setLevel(before[0])
    root.handlers = before[1]
    ours.setLevel(before[2])


def told(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line, parse_constant=pytest.fail) for line in stream.getvalue().splitlines()]


def road(stream: io.StringIO, word: str) -> list[str]:
    """The steps of the lines that ``grep -w`` finds."""
    lines = [line for line in stream.getvalue().splitlines() if re.search(rf"\b{word}\b", line)]
    return [json.loads(line)["step"] for line in lines]


async def _both(flow: Flow) -> None:
    flow.sink.answer = lambda sent: "250 2.0.0 Ok: queued as 4bX9" if sent.rcpt_to == JAN.login else None
    await flow.take(mail(name="first"))
    await flow.take(mail(name="other", sender="kto.inny@obcy.example"), "kto.inny@obcy.example")
    await flow.decide()
    await flow.deliver()


async def test_one_id_gives_the_whole_road(tmp_path: Path, stream: io.StringIO) -> None:
    async with running(tmp_path) as flow:
        await _both(flow)
    lines = told(stream)
    assert all(line["time"].endswith("Z") and line["level"] == "info" and line["step"] for line in lines)
    (first,) = [line["id"] for line in lines if line["step"] == "lmtp-stored" and line["inbox"] == 1]
    assert road(stream, first) == ["lmtp-stored", "decided", "mail-sent", "mail-sent", "mail-sent"]
    sent = [line for line in lines if line["id"] == first and line["step"] == "mail-sent"]
    assert {line["ticket"] for line in lines if line["id"] == first and "ticket" in line} == {sent[0]["ticket"]}
    assert [(line["kind"], line["code"]) for line in sent] == [(kind.value, 250) for kind in SENT]
    assert {line["queued_as"] for line in sent} == {"4bX9"}
    assert not re.search(r"@|Kowalski", stream.getvalue())


SENT = (MailKind.T1, MailKind.T2A, MailKind.T3)


async def test_what_the_citizen_writes_again_has_a_road_of_its_own(tmp_path: Path, stream: io.StringIO) -> None:
    """Its answer bears its own id, and no mail of the ticket that was there before."""
    async with running(tmp_path) as flow:
        flow.sink.answer = lambda _: "451 4.3.0 later"
        await flow.answer(mail(name="first", subject="Pytanie", body="Kiedy otwarcie?"))
        flow.sink.answer = lambda _: None
        flow.clock.advance(minutes=5)
        await flow.deliver()
    steps = [step for step in road(stream, "m1") if step.startswith("mail-")]
    assert "mail-postponed" in steps
    assert steps[-1] == "mail-sent"
    assert {line["code"] for line in told(stream) if line["step"] == "mail-postponed"} == {451}


@pytest.mark.parametrize("text", ["x\ud800y", "a\u2028b", "zażółć", "two\nlines", '"quoted"', "\x00"])
def test_each_line_is_json_whatever_it_tells(stream: io.StringIO, text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    ours = [one for one in logging.getLogger().handlers if not isinstance(one, LogCaptureHandler)]
    monkeypatch.setattr(
        logging.getLogger(), "handlers", ours
    )  # pytest's reports cannot be sent with half a pair in them
    log_event("step", reason=text, ratio=float("nan"), worst=float("inf"))
    logging.getLogger("mailbot").info("not of ours: %s", text)
    assert [line["step"] for line in told(stream)] == ["step", "said"]
    assert stream.getvalue().isascii()


@pytest.mark.parametrize("form", ["json", "text"])
def test_the_form_is_a_setting(stream: io.StringIO, form: LogForm) -> None:
    logs.to(stream, form=form)
    log_event("decided", inbox=17)
    (line,) = stream.getvalue().splitlines()
    assert line.endswith('"step": "decided", "id": "m17", "inbox": 17}')
    assert line.startswith("{") is (form == "json")


async def test_what_is_logged_far_below_bears_the_id(stream: io.StringIO) -> None:
    """Tasks beside each other do not mix: each check of a file is about its own mail."""

    async def check(row: int) -> None:
        with about(row):
            await asyncio.sleep(0.01 * (3 - row))
            log_event("signature worker failed", cause="died")

    await asyncio.gather(check(1), check(2))
    log_event("started")
    assert [line.get("id") for line in told(stream)] == ["m2", "m1", None]
