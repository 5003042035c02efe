"""A citizen answers a mail of ours and his program quotes it: none of our words is taken for his.

Our mails are full of the words of other matters ("Proszę o usunięcie konta"), so each is tried in each way of quoting.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from email.message import EmailMessage

import pytest

from mailbot.accounts.memory import MemoryDirectory
from mailbot.config import AuthenticationSettings, Settings
from mailbot.flow.pipeline import Pipeline
from mailbot.model import Envelope, RawMessage, Source
from mailbot.request.topics import TopicFacts
from mailbot.secret import Secret
from mailbot.sender.resolver import StaticResolver
from mailbot.service import compose
from tests.citizens import AUTHSERV_ID
from tests.explain import RECEIVED
from tests.support import ROOT

GOLDEN = {path.stem: path.read_text(encoding="utf-8") for path in (ROOT / "tests/unit/mails/golden").glob("*.txt")}
OWN_WORDS = "Proszę o telefon od konsultanta."


def _marked(text: str) -> str:
    return "\n".join(f"> {line}".rstrip() for line in text.split("\n"))


def _outlook(title: str, text: str, labels: tuple[str, str, str, str], day: str) -> str:
    values = ("Help Desk SISC <helpdesk-eclo@mf.gov.pl>", day, "jan@wp.example", title)
    return "\n".join(f"{label}: {value}" for label, value in zip(labels, values, strict=True)) + f"\n\n{text}"


POLISH = ("Od", "Wysłano", "Do", "Temat")
ENGLISH = ("From", "Sent", "To", "Subject")
WAYS: dict[str, Callable[[str, str], str]] = {
    "gmail": lambda _, text: (
        "pt., 20 lis 2026 o 09:01 Help Desk SISC <helpdesk-eclo@mf.gov.pl> napisał(a):\n\n" + _marked(text)
    ),
    "thunderbird": lambda _, text: "W dniu 20.11.2026 o 09:01, Help Desk SISC pisze:\n" + _marked(text),
    "outlook": lambda title, text: _outlook(title, text, POLISH, "piątek, 20 listopada 2026 09:01"),
    "outlook in English": lambda title, text: _outlook(title, text, ENGLISH, "Friday, November 20, 2026 9:01 AM"),
    "outlook with a ruler": lambda title, text: (
        "_" * 32 + "\n" + _outlook(title, text, POLISH, "piątek, 20 listopada 2026 09:01")
    ),
    "apple": lambda _, text: (
        "Wiadomość napisana przez Help Desk SISC <helpdesk-eclo@mf.gov.pl> w dniu 20 lis 2026, o godz. 09:01:\n\n"
        + _marked(text)
    ),
    "original message": lambda title, text: (
        "-----Wiadomość oryginalna-----\n" + _outlook(title, text, POLISH, "piątek, 20 listopada 2026 09:01")
    ),
    "webmail": lambda _, text: (
        "Dnia 20 listopada 2026 09:01 Help Desk SISC <helpdesk-eclo@mf.gov.pl> napisał(a):\n\n" + _marked(text)
    ),
}


@pytest.fixture(scope="module")
def flow() -> Pipeline:
    settings = replace(Settings(), authentication=AuthenticationSettings(authserv_id=AUTHSERV_ID))
    return compose.pipeline(settings, Secret(bytes(32)), MemoryDirectory(()), StaticResolver({}), random.Random(0))


def read(flow: Pipeline, subject: str, body: str) -> TopicFacts:
    message = EmailMessage()
    message["From"] = "jan@wp.example"
    message["Subject"] = subject
    message.set_content(body)
    raw = RawMessage(message.as_bytes(), Envelope(Source.INJECT), datetime.fromisoformat(RECEIVED))
    return flow.read(flow.understand(raw))


@pytest.mark.parametrize("whole", [False, pytest.param(True, marks=pytest.mark.campaign)])
@pytest.mark.parametrize("way", WAYS)
def test_a_quote_says_nothing(flow: Pipeline, way: str, whole: bool) -> None:
    """Each mail below one subject, or below all."""
    for n, name in enumerate(sorted(GOLDEN)):
        title, _, text = GOLDEN[name].partition("\n")
        title = title.removeprefix("Temat: ")
        quote = WAYS[way](title, text.strip())
        answers = [
            (subject, body)
            for subject in (f"Re: {title}", f"Odp: {title}", "Prośba")
            for body in (f"{OWN_WORDS}\n\n{quote}\n", f"{quote}\n")
        ]
        for subject, body in answers if whole else [answers[n % len(answers)]]:
            found = read(flow, subject, body)
            assert (found.topic, found.service, found.faq) == ("none", "none", "none"), (name, subject, body)


def test_without_marks_the_same_words_are_the_citizens(flow: Pipeline) -> None:
    """What the test above would find if a quote were not cut."""
    said = {name: read(flow, "Prośba", text.partition("\n")[2]) for name, text in GOLDEN.items()}
    assert {name for name, found in said.items() if (found.topic, found.faq) != ("none", "none")} >= {"T10", "T13"}
