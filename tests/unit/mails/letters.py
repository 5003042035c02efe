"""One letter for every variant of every mail, with a fixed clock."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from mailbot.mails.letter import Letter, Office
from mailbot.mails.write import Writer
from mailbot.model import Defect, Difference, MailKind, Phrase
from mailbot.ruleset.loader import load
from tests.support import ROOT

OFFICE = Office(
    "Help Desk SISC",
    "helpdesk-eclo@mf.gov.pl",
    "helpdesk-eclo@mf.gov.pl",
    "helpdesk.example",
    "https://puesc.gov.pl",
)
RULES = load(ROOT / "rules")
WRITER = Writer(RULES, OFFICE)
ARRIVED = datetime(2025, 11, 4, 13, 5, tzinfo=UTC)
BOUNCES = "bounce-1@helpdesk.example"

LETTER = Letter(
    ticket="ZGL0000001",
    recipient="jan.kowalski@wp.example",
    category="HASLO_AWARYJNE_A",
    opened_at=ARRIVED,
    promised_at=ARRIVED + timedelta(hours=24),
    now=ARRIVED + timedelta(seconds=2),
    bounce_address=BOUNCES,
    link_expires=ARRIVED + timedelta(hours=24),
    phrase=Phrase.A,
    authenticated=True,
    in_reply_to="<prosba-1@wp.example>",
)
NEAR = replace(
    LETTER,
    subject="Odp: hasło awaryjne puesc procedura specjalna",
    differences=((Difference.PREFIX, "Odp:"), (Difference.CASE, "")),
)
MOVED = replace(
    LETTER,
    recipient="jan@nowa.example",
    old_login=LETTER.recipient,
    change_from=ARRIVED + timedelta(hours=4),
    references=("<watek@nowa.example>",),
)
TWO = (Defect.YEAR_MISSING, Defect.NAME_MISSING)

VARIANTS: dict[str, tuple[MailKind, Letter]] = {
    "T1": (MailKind.T1, LETTER),
    "T1-case-b": (MailKind.T1, replace(LETTER, category="HASLO_AWARYJNE_B")),
    "T2A": (MailKind.T2A, LETTER),
    "T2B": (MailKind.T2B, replace(LETTER, phrase=Phrase.B)),
    "T3": (MailKind.T3, LETTER),
    "T14": (MailKind.T14, MOVED),
    "T19": (MailKind.T19, MOVED),
    "T4-case-a": (MailKind.T4, replace(LETTER, defects=TWO)),
    "T4-case-b": (MailKind.T4, replace(LETTER, phrase=Phrase.B, defects=(Defect.ATTACHMENT_MISSING,))),
    "T4-no-sentence": (MailKind.T4, replace(LETTER, phrase=None, defects=(Defect.PHRASE_MISSING,))),
    "T4-wrong-sentence": (MailKind.T4, replace(LETTER, defects=(Defect.PHRASE_A_WITH_APPLICATION,))),
    "T5": (MailKind.T5, LETTER),
    "T7": (MailKind.T7, NEAR),
    "T7-not-authenticated": (MailKind.T7, replace(NEAR, authenticated=False)),
    "T7-case-b": (MailKind.T7, replace(NEAR, phrase=Phrase.B)),
    "T7-no-difference": (MailKind.T7, replace(NEAR, differences=())),
    "T15": (MailKind.T15, LETTER),
}
