"""The finished mails: golden files beside this test, the approved drafts, and the header of each kind.

After a wanted change: UPDATE_GOLDEN=1 pytest tests/unit/mails, then read the difference.
"""

from __future__ import annotations

import os
import re
from dataclasses import replace
from datetime import timedelta
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path

import pytest

from mailbot.errors import RulesError, TemplateError
from mailbot.mails.context import KNOWN, VARIABLES
from mailbot.mails.letter import PLACEHOLDER
from mailbot.mails.write import ONCE_A_DAY, Writer
from mailbot.model import Defect, Difference, MailKind
from mailbot.ruleset.model import Template
from tests.unit.mails.letters import BOUNCES, LETTER, NEAR, OFFICE, RULES, VARIANTS, WRITER

GOLDEN = Path(__file__).parent / "golden"
DRAFTS = {
    "T1": "T01_rejestracja.txt",
    "T2A": "T02A_rozwiazanie_haslo_awaryjne.txt",
    "T2B": "T02B_rozwiazanie_nowy_login.txt",
    "T3": "T03_aktywacja.txt",
    "T14": "T14_ostrzezenie_stary_login.txt",
    "T4-case-a": "T04_odmowa_wymagania.txt",
    "T4-case-b": "T04_odmowa_wymagania.txt",
    "T5": "T05_odmowa_ogolna.txt",
    "T7": "T07_temat_prawie_dobry.txt",
    "T15": "T15_juz_mamy.txt",
}


def parsed(raw: bytes) -> EmailMessage:
    message = message_from_bytes(raw, policy=default)
    assert isinstance(message, EmailMessage)
    assert not message.defects
    return message


def part(message: EmailMessage, subtype: str) -> str:
    body = message.get_body((subtype,))
    assert body is not None
    assert not body.defects
    text: str = body.get_content()
    return text.replace("\r\n", "\n")


@pytest.mark.parametrize("name", VARIANTS)
def test_golden(name: str) -> None:
    message = parsed(WRITER.outgoing(*VARIANTS[name]).raw)
    found = {
        f"{name}.txt": f"Temat: {message['Subject']}\n\n{part(message, 'plain').rstrip()}\n",
        f"{name}.html": f"{part(message, 'html').rstrip()}\n",
    }
    for file, text in found.items():
        if os.environ.get("UPDATE_GOLDEN"):
            (GOLDEN / file).write_text(text, encoding="utf-8")
        assert text == (GOLDEN / file).read_text(encoding="utf-8")


@pytest.mark.parametrize("name", DRAFTS)
def test_every_sentence_of_the_approved_draft(name: str, corpora: Path) -> None:
    draft = (corpora.parent / "drafts" / DRAFTS[name]).read_text(encoding="utf-8")
    message = parsed(WRITER.outgoing(*VARIANTS[name]).raw)
    said = " ".join(f"Temat: {message['Subject']} {part(message, 'plain')}".split())
    for sentence in re.split(r"(?<=[.?!,:]) |\n{2,}", " ".join(draft.replace("\n\n", " \0 ").split())):
        for piece in sentence.split("\0"):
            pattern = re.sub(r"\\\{\w+\\\}\\?\.?", ".*", re.escape(piece.strip()))
            assert re.search(pattern, said), piece


@pytest.mark.parametrize("name", VARIANTS)
def test_lines_of_the_text_are_short(name: str) -> None:
    text = part(parsed(WRITER.outgoing(*VARIANTS[name]).raw), "plain")
    assert max(len(line) for line in text.split("\n")) <= 78
    assert ".." not in text


@pytest.mark.parametrize("name", VARIANTS)
def test_header(name: str) -> None:
    kind, letter = VARIANTS[name]
    mail = WRITER.outgoing(kind, letter)
    message = parsed(mail.raw)
    answer = kind not in (MailKind.T2A, MailKind.T2B, MailKind.T3, MailKind.T14, MailKind.T19)
    assert message["From"] == "Help Desk SISC <helpdesk-eclo@mf.gov.pl>"
    assert message["To"] == mail.recipient == "jan.kowalski@wp.example"
    day = ".20251104" if kind in ONCE_A_DAY else ""
    assert message["Message-ID"] == mail.message_id == f"<zgl0000001.{kind.lower()}{day}@helpdesk.example>"
    assert message["Date"] == "Tue, 04 Nov 2025 14:05:02 +0100"
    if kind in (MailKind.T14, MailKind.T19):  # the id of the request would tell the old login where it came from
        assert (message["In-Reply-To"], message["References"]) == (None, None)
        assert b"nowa.example" not in mail.raw
    else:
        assert message["In-Reply-To"] == "<prosba-1@wp.example>"
        assert message["References"].split()[0] == "<prosba-1@wp.example>"
    assert message["Auto-Submitted"] == ("auto-replied" if answer else "auto-generated")
    assert mail.return_path == ("" if answer else BOUNCES)
    assert message["X-Auto-Response-Suppress"] == "All"
    assert message["X-Loop"] == "helpdesk-eclo@mf.gov.pl"
    assert message["Content-Language"] == "pl"
    assert message["MIME-Version"] == "1.0"
    assert [p.get_content_type() for p in message.iter_parts()] == ["text/plain", "text/html"]
    assert {p.get_content_charset() for p in message.iter_parts()} == {"utf-8"}
    assert mail.raw.isascii()
    assert b"\n" not in mail.raw.replace(b"\r\n", b"")


def test_titles() -> None:
    for kind, letter in VARIANTS.values():
        title = parsed(WRITER.outgoing(kind, letter).raw)["Subject"]
        if kind is MailKind.T3:
            assert title == "PUESC: Zmiana adresu email"
        else:
            assert title.startswith("ZGL0000001 – ")


def test_the_number_leads_to_every_mail_of_the_ticket() -> None:
    for kind in (MailKind.T2A, MailKind.T2B, MailKind.T3, MailKind.T4, MailKind.T5):
        references = parsed(WRITER.outgoing(kind, VARIANTS["T4-case-a"][1]).raw)["References"]
        assert references.split() == ["<prosba-1@wp.example>", "<zgl0000001.t1@helpdesk.example>"]


def test_the_same_letter_gives_the_same_bytes() -> None:
    for kind, letter in VARIANTS.values():
        assert WRITER.outgoing(kind, letter) == Writer(RULES, OFFICE).outgoing(kind, letter)


@pytest.mark.parametrize("length", [0, 1, 5, 6, 7, 30, 38, 39, 40, 41, 42, 43, 44, 45, 46, 47, 75, 200])
def test_the_token_can_take_the_place_of_the_placeholder_in_both_parts(length: int) -> None:
    url = "https://puesc.gov.pl/" + "x" * length
    raw = Writer(RULES, replace(OFFICE, public_url=url)).outgoing(MailKind.T3, LETTER).raw
    token = "Zm9v_-" * 5 + "Zm"
    assert len(token) == len(PLACEHOLDER) == 32
    assert raw.count(PLACEHOLDER.encode()) == 3  # once in the text, target and words of the link in the HTML
    sent = raw.replace(PLACEHOLDER.encode(), token.encode())
    link = f"{url}/aktywacja/{token}"
    message = parsed(sent)
    assert f"\n\n{link}\n\n" in part(message, "plain")
    assert f'<a\nhref="{link}">\n{link}</a>' in part(message, "html")
    assert all(len(line) <= 76 for line in raw.split(b"\r\n\r\n", 1)[1].split(b"\r\n"))


def test_only_the_activation_mail_holds_a_link_or_its_token() -> None:
    for kind, letter in VARIANTS.values():
        raw = WRITER.outgoing(kind, letter).raw
        assert (b"/aktywacja/" in raw) == (PLACEHOLDER.encode() in raw) == (kind is MailKind.T3)


def test_general_refusals_are_equal_whatever_the_reason() -> None:
    """Only number, times and ids may differ: the mail must not tell who has an account."""
    one = WRITER.outgoing(MailKind.T5, LETTER).raw
    other = WRITER.outgoing(
        MailKind.T5, replace(LETTER, ticket="ZGL0000002", recipient="anna.nowak@op.example", category="")
    ).raw
    other = other.replace(b"ZGL0000002", b"ZGL0000001").replace(b"zgl0000002", b"zgl0000001")
    bodies = [raw.split(b"\r\n\r\n", 1)[1] for raw in (one, other)]
    assert bodies[0] == bodies[1]


def test_defects_come_in_the_order_of_the_rules() -> None:
    text = part(parsed(WRITER.outgoing(*VARIANTS["T4-case-a"]).raw), "plain")
    assert "1. W treści brakuje imienia i nazwiska.\n2. W treści brakuje roku urodzenia." in text


def test_defects_with_something_to_fill_in() -> None:
    letter = replace(LETTER, defects=(Defect.APP_INCOMPLETE, Defect.CONTAINER))
    with pytest.raises(TemplateError, match=r"ZGL0000001.*limit|ZGL0000001.*czego"):
        WRITER.outgoing(MailKind.T4, letter)
    letter = replace(letter, details={"czego": "nowy adres e-mail", "limit": "20"})
    said = " ".join(part(parsed(WRITER.outgoing(MailKind.T4, letter).raw), "plain").split())
    assert "We wniosku brakuje: nowy adres e-mail." in said
    assert "większych niż 20 MB." in said


def test_strangers_words_are_never_repeated() -> None:
    letter = replace(NEAR, subject="Pilne-wezwanie HASŁO", differences=((Difference.EXTRA, "Pilne-wezwanie"),))
    assert "Pilne-wezwanie" in part(parsed(WRITER.outgoing(MailKind.T7, letter).raw), "plain")
    text = part(parsed(WRITER.outgoing(MailKind.T7, replace(letter, authenticated=False)).raw), "plain")
    assert "Pilne-wezwanie" not in text
    assert "Temat Twojej wiadomości" not in text
    assert "Różnica: są dodatkowe słowa\n" in text


def test_a_hostile_subject_cannot_reach_the_header_or_become_a_link() -> None:
    hostile = "HASŁO\r\nBcc: x@evil.example\u202e https://evil.example/a <script>alert(1)</script> www.evil.example"
    letter = replace(NEAR, subject=hostile, differences=((Difference.EXTRA, hostile),))
    message = parsed(WRITER.outgoing(MailKind.T7, letter).raw)
    assert message["Bcc"] is None
    for subtype in ("plain", "html"):
        assert "evil" not in part(message, subtype)
        assert "\u202e" not in part(message, subtype)
    assert "<script>" not in part(message, "html")


@pytest.mark.parametrize("kind", [MailKind.T2A, MailKind.T3])
def test_a_mail_about_a_link_needs_its_end(kind: MailKind) -> None:
    with pytest.raises(TemplateError, match="link_expires"):
        WRITER.outgoing(kind, replace(LETTER, link_expires=None))


def test_an_unknown_category_is_a_permanent_error() -> None:
    with pytest.raises(TemplateError, match="categories"):
        WRITER.outgoing(MailKind.T1, replace(LETTER, category="NIE_MA"))


def test_a_writer_refuses_templates_with_mistakes() -> None:
    broken = dict(RULES.templates)
    broken[MailKind.T5] = Template(broken[MailKind.T5].path, "Temat: {{ zgl }} – x\n\n{{ haslo }} {{ tel }}\n")
    with pytest.raises(RulesError, match=r"T5_odmowa_ogolna.txt.j2:3: \{\{ haslo \}\} is not known in T5"):
        Writer(replace(RULES, templates=broken), OFFICE)


def test_promise_across_the_change_of_clocks() -> None:
    """domain.md §6: Saturday 12:00 and 24 absolute hours is Sunday 13:00 in spring."""
    opened = LETTER.opened_at.replace(2026, 3, 28, 11, 0)
    letter = replace(LETTER, opened_at=opened, promised_at=opened + timedelta(hours=24))
    text = part(parsed(WRITER.outgoing(MailKind.T1, letter).raw), "plain")
    assert "Data: 28 marca 2026 r., godz. 12:00" in text
    assert "Zrobimy to do 29 marca 2026 r., godz. 13:00." in text


def test_every_template_lists_what_can_be_filled_in() -> None:
    for kind, template in RULES.templates.items():
        comment = template.source.partition("#}")[0]
        listed = set(re.findall(r"\w+", comment.partition("Can be filled in:")[2])) & set(VARIABLES)
        assert listed == set(KNOWN[kind]), kind
