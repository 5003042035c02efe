"""The small writer against the standard parser."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailbot.clocks import WARSAW
from mailbot.errors import TemplateError
from mailbot.mails.compose import Heading, body, message, quoted_printable
from mailbot.mails.context import PLACEHOLDER
from tests.support import examples

HEADING = Heading(
    sender_name="Help Desk SISC",
    sender="helpdesk@helpdesk.example",
    recipient="jan.kowalski@wp.example",
    subject="ZGL0000001 – zgłoszenie",
    date=datetime(2025, 11, 4, 13, 5, tzinfo=UTC),
    message_id="<zgl0000001.t1@helpdesk.example>",
    auto_submitted="auto-replied",
    loop_mark="helpdesk@helpdesk.example",
)


def parsed(raw: bytes) -> EmailMessage:
    found = message_from_bytes(raw, policy=default)
    assert isinstance(found, EmailMessage)
    assert not found.defects
    return found


def content(found: EmailMessage, subtype: str) -> str:
    part = found.get_body((subtype,))
    assert part is not None
    assert not part.defects
    text: str = part.get_content()
    return text


def written(heading: Heading, text: str) -> bytes:
    return message(heading, body(heading.subject, text))


printable = st.characters(exclude_categories=("C", "Z")) | st.just(" ")
lines = st.text(printable, max_size=120).map(lambda line: " ".join(line.split()))
texts = st.lists(lines, max_size=12).map(lambda found: "\n".join(found) + "\n")


@settings(max_examples=examples(300), deadline=None)
@given(texts, st.text(printable, min_size=1, max_size=120).map(str.strip).filter(bool))
def test_subject_and_text_come_back(text: str, subject: str) -> None:
    raw = written(replace(HEADING, subject=subject), text)
    found = parsed(raw)
    assert " ".join(found["Subject"].split()) == " ".join(subject.split())
    assert content(found, "plain").split() == text.split()
    assert all(len(line) <= 78 for line in raw.split(b"\r\n\r\n", 1)[0].split(b"\r\n"))
    assert b"\r" not in raw.replace(b"\r\n", b"")
    assert b"\n" not in raw.replace(b"\r\n", b"")


@settings(max_examples=examples(300), deadline=None)
@given(st.lists(st.text(st.characters(exclude_categories=("Cs", "Cc")), max_size=200), max_size=8))
def test_quoted_printable_comes_back_exactly(found: list[str]) -> None:
    text = "\n".join(found)
    encoded = quoted_printable(text)
    raw = b"Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n" + encoded
    assert message_from_bytes(raw).get_payload(decode=True) == text.replace("\n", "\r\n").encode()
    assert all(len(line) <= 76 for line in encoded.split(b"\r\n"))
    assert encoded.isascii()


@settings(max_examples=examples(300), deadline=None)
@given(st.text(printable, max_size=100), st.text(printable, max_size=100))
def test_the_placeholder_is_never_broken(before: str, after: str) -> None:
    encoded = quoted_printable(f"a\n{before}{PLACEHOLDER}{after}\nb\n")
    assert PLACEHOLDER.encode() in encoded
    assert all(len(line) <= 76 for line in encoded.split(b"\r\n"))
    raw = b"Content-Transfer-Encoding: quoted-printable\r\n\r\n" + encoded
    assert message_from_bytes(raw).get_payload(decode=True) == f"a\r\n{before}{PLACEHOLDER}{after}\r\nb\r\n".encode()


@pytest.mark.parametrize(
    "name", ["Help Desk SISC", "Pomoc celno-skarbowa", 'Biuro "Pomoc", Łódź', "Help Desk <x@evil.example>", "a" * 70]
)
def test_display_name(name: str) -> None:
    found = parsed(written(replace(HEADING, sender_name=name), "x\n"))
    (address,) = found["From"].addresses
    assert (address.display_name, address.addr_spec) == (name, "helpdesk@helpdesk.example")


@pytest.mark.parametrize(
    "change",
    [
        {"subject": "a\r\nBcc: x@evil.example"},
        {"subject": ""},
        {"subject": "a\u202eb"},
        {"sender_name": "a\nb"},
        {"recipient": "jan@wp.example>\r\nBcc: <x@evil.example"},
        {"recipient": "jan@wp.example, x@evil.example"},
        {"recipient": "jan@wp.example\u2028"},
        {"recipient": "jan@wp.example>,<x@evil.example"},
        {"message_id": "<a@b>\nX: y"},
        {"loop_mark": "a\rb"},
    ],
)
def test_nothing_can_be_injected_into_the_header(change: dict[str, str]) -> None:
    with pytest.raises(TemplateError):
        written(replace(HEADING, **change), "x\n")  # type: ignore[arg-type]


def test_thread_of_a_long_conversation_is_capped() -> None:
    ids = tuple(f"<m{n}@wp.example>" for n in range(500))
    found = parsed(written(replace(HEADING, in_reply_to=ids[-1], references=ids), "x\n"))
    assert found["References"].split() == [ids[0], *ids[-9:]]
    assert found["In-Reply-To"] == ids[-1]


@pytest.mark.parametrize(
    "bad", ["", "none", "<a b@c>", "<a@b>\r\nX: y", "<ż@b>", "<a@b> <c@d>", "<" + "a" * 200 + "@b>"]
)
def test_ids_that_are_not_well_formed_are_left_out(bad: str) -> None:
    found = parsed(written(replace(HEADING, in_reply_to=bad, references=(bad, "<good@wp.example>", bad)), "x\n"))
    assert found["In-Reply-To"] is None
    assert found["References"] == "<good@wp.example>"


def test_a_text_cannot_end_its_part() -> None:
    boundary = parsed(written(HEADING, "x\n")).get_boundary()
    found = parsed(written(HEADING, f"--{boundary}\n--{boundary}--\n.\nFrom here\n"))
    assert content(found, "plain").replace("\r\n", "\n") == f"--{boundary}\n--{boundary}--\n.\nFrom here\n"


def test_a_local_part_outside_ascii_is_written_in_utf8() -> None:
    raw = written(replace(HEADING, recipient="łukasz@wp.example"), "x\n")
    assert "\r\nTo: <łukasz@wp.example>\r\n".encode() in raw


def test_the_hour_that_comes_twice_has_two_names() -> None:
    twice = [datetime(2026, 10, 25, 2, 30, tzinfo=WARSAW, fold=fold) for fold in (0, 1)]
    told = [parsed(written(replace(HEADING, date=at), "x\n"))["Date"] for at in twice]
    assert [str(one)[-5:] for one in told] == ["+0200", "+0100"]
