"""One letter for every variant of every mail, with a fixed clock."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

from mailbot.mails.letter import Letter, Office
from mailbot.mails.write import Writer
from mailbot.model import Defect, Difference, MailKind, Phrase
from mailbot.ruleset.loader import load
from mailbot.ruleset.model import Faq, FaqEntry, Notice, Window
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
TOKEN = "0123456789abcdef"

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
    token=TOKEN,
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

GENERAL = replace(
    LETTER,
    category="OGOLNE",
    phrase=None,
    subject="NOWE Nie mogę wysłać zgłoszenia",
    promised_at=datetime(2025, 11, 19, 14, 30, tzinfo=UTC),
    specialist_by=datetime(2025, 11, 19, 14, 30, tzinfo=UTC),
    reply_by=datetime(2025, 11, 18, 22, 59, 59, tzinfo=UTC),
)
LATE = replace(
    GENERAL,
    answered_at=datetime(2025, 10, 29, 9, 0, tzinfo=UTC),
    complaint_until=datetime(2025, 11, 3, 22, 59, 59, tzinfo=UTC),
)
BREAK = Notice(
    name="przerwa",
    state="published",
    published=date(2025, 11, 3),
    system="Help Desk SISC",
    title="Niedostępność usługi w godz. 13:30 – 15:30 oraz 18:00 – 19:00",
    windows=(
        Window(datetime(2025, 11, 4, 12, 30, tzinfo=UTC), datetime(2025, 11, 4, 14, 30, tzinfo=UTC)),
        Window(datetime(2025, 11, 4, 17, 0, tzinfo=UTC), datetime(2025, 11, 4, 18, 0, tzinfo=UTC)),
    ),
    source="KOMUNIKATY",
)
NIGHT = replace(
    BREAK,
    name="noc",
    system="PUESC",
    windows=(Window(datetime(2025, 11, 4, 21, 0, tzinfo=UTC), datetime(2025, 11, 5, 4, 0, tzinfo=UTC)),),
)
ANSWER = FaqEntry("liczba", "Ile osób może korzystać z systemu?", ("Dowolna liczba.", "Bez dodatkowych opłat."), ())
SYSTEM = Faq(
    name="wrota-celne",
    title="Wrota Celne",
    owner="SKG S.A.",
    source="FAQ platformy Wrota Celne, https://wrotacelne.pl/",
    published=date(2025, 11, 3),
    category="FAQ_WROTA_CELNE",
    about=(),
    unless=(),
    entries=(ANSWER,),
)
LACKS = {"czego": "imię, nazwisko"}
DELETION = replace(GENERAL, category="USUNIECIE_KONTA")
WRITTEN = replace(
    GENERAL, text="sprawdziliśmy formularz. Działa już dla wszystkich.\n\n1. Wyloguj się.\n2. Zaloguj się."
)
"""What a person wrote."""


def in_english(letter: Letter) -> Letter:
    """The same, answered in English."""
    return replace(letter, language="en")


def in_a_break(letter: Letter) -> Letter:
    """The same while a break goes on."""
    return replace(letter, breaks=(BREAK,))


VARIANTS: dict[str, tuple[MailKind, Letter]] = {
    "T1": (MailKind.T1, LETTER),
    "T1-case-b": (MailKind.T1, replace(LETTER, category="HASLO_AWARYJNE_B")),
    "T1-break": (MailKind.T1, in_a_break(LETTER)),
    "T1-general": (MailKind.T1, GENERAL),
    "T1-english": (MailKind.T1, in_english(in_a_break(LETTER))),
    "T1-general-english": (MailKind.T1, in_english(GENERAL)),
    "T1-late": (MailKind.T1, replace(LETTER, promised_at=ARRIVED)),
    "T1-late-english": (MailKind.T1, in_english(replace(LETTER, promised_at=ARRIVED))),
    "T2A": (MailKind.T2A, LETTER),
    "T2A-english": (MailKind.T2A, in_english(LETTER)),
    "T2B": (MailKind.T2B, replace(LETTER, phrase=Phrase.B)),
    "T2B-english": (MailKind.T2B, in_english(replace(LETTER, phrase=Phrase.B))),
    "T3": (MailKind.T3, LETTER),
    "T3-case-b": (MailKind.T3, replace(LETTER, phrase=Phrase.B)),
    "T3-english": (MailKind.T3, in_english(LETTER)),
    "T3-case-b-english": (MailKind.T3, in_english(replace(LETTER, phrase=Phrase.B))),
    "T14": (MailKind.T14, MOVED),
    "T14-english": (MailKind.T14, in_english(MOVED)),
    "T19": (MailKind.T19, MOVED),
    "T19-english": (MailKind.T19, in_english(MOVED)),
    "T4-case-a": (MailKind.T4, replace(LETTER, defects=TWO)),
    "T4-case-b": (MailKind.T4, replace(LETTER, phrase=Phrase.B, defects=(Defect.ATTACHMENT_MISSING,))),
    "T4-no-sentence": (MailKind.T4, replace(LETTER, phrase=None, defects=(Defect.PHRASE_MISSING,))),
    "T4-wrong-sentence": (MailKind.T4, replace(LETTER, defects=(Defect.PHRASE_A_WITH_APPLICATION,))),
    "T4-case-a-english": (MailKind.T4, in_english(replace(LETTER, defects=TWO))),
    "T4-case-b-english": (
        MailKind.T4,
        in_english(
            replace(LETTER, phrase=Phrase.B, defects=(Defect.APP_INCOMPLETE,), details={"czego": "imię, nazwisko"})
        ),
    ),
    "T5": (MailKind.T5, LETTER),
    "T5-english": (MailKind.T5, in_english(LETTER)),
    "T6": (MailKind.T6, GENERAL),
    "T6-english": (MailKind.T6, in_english(GENERAL)),
    "T7": (MailKind.T7, NEAR),
    "T7-not-authenticated": (MailKind.T7, replace(NEAR, authenticated=False)),
    "T7-case-b": (MailKind.T7, replace(NEAR, phrase=Phrase.B)),
    "T7-english": (MailKind.T7, in_english(NEAR)),
    "T7-case-b-english": (MailKind.T7, in_english(replace(NEAR, phrase=Phrase.B))),
    "T7-no-difference": (MailKind.T7, replace(NEAR, differences=())),
    "T8": (MailKind.T8, GENERAL),
    "T8-break": (MailKind.T8, in_a_break(GENERAL)),
    "T8-not-authenticated": (MailKind.T8, replace(GENERAL, authenticated=False)),
    "T8-english": (MailKind.T8, in_english(in_a_break(GENERAL))),
    "T9": (MailKind.T9, replace(GENERAL, category="REKLAMACJA")),
    "T9-explanation": (MailKind.T9, replace(GENERAL, category="WYJASNIENIE")),
    "T9-english": (MailKind.T9, in_english(replace(GENERAL, category="REKLAMACJA"))),
    "T9-explanation-english": (MailKind.T9, in_english(replace(GENERAL, category="WYJASNIENIE"))),
    "T10": (MailKind.T10, LATE),
    "T10-english": (MailKind.T10, in_english(LATE)),
    "T11": (MailKind.T11, DELETION),
    "T11-break": (MailKind.T11, in_a_break(DELETION)),
    "T11-english": (MailKind.T11, in_english(in_a_break(DELETION))),
    "T12": (MailKind.T12, in_a_break(GENERAL)),
    "T12-to-come": (MailKind.T12, replace(GENERAL, breaks=(NIGHT,))),
    "T12-english": (MailKind.T12, in_english(replace(GENERAL, breaks=(NIGHT,)))),
    "T13": (MailKind.T13, replace(GENERAL, category="FAQ_WROTA_CELNE", system=SYSTEM, answer=ANSWER)),
    "T13-english": (
        MailKind.T13,
        in_english(replace(GENERAL, category="FAQ_WROTA_CELNE", system=SYSTEM, answer=ANSWER)),
    ),
    "T15": (MailKind.T15, LETTER),
    "T15-general": (MailKind.T15, GENERAL),
    "T15-late": (MailKind.T15, replace(LETTER, promised_at=ARRIVED)),
    "T15-english": (MailKind.T15, in_english(LETTER)),
    "T16": (MailKind.T16, GENERAL),
    "T16-english": (MailKind.T16, in_english(GENERAL)),
    "T17": (MailKind.T17, GENERAL),
    "T17-english": (MailKind.T17, in_english(GENERAL)),
    "T18": (MailKind.T18, GENERAL),
    "T18-english": (MailKind.T18, in_english(GENERAL)),
    "T20": (MailKind.T20, GENERAL),
    "T20-english": (MailKind.T20, in_english(GENERAL)),
    "T21": (MailKind.T21, WRITTEN),
    "T21-english": (MailKind.T21, in_english(WRITTEN)),
    "T22": (MailKind.T22, WRITTEN),
    "T22-english": (MailKind.T22, in_english(WRITTEN)),
    "T23": (MailKind.T23, WRITTEN),
    "T23-english": (MailKind.T23, in_english(WRITTEN)),
}
