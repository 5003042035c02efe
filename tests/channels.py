"""The channels beside the special procedure: a mail for each, what must come of it, and tools to try them."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from email import message_from_bytes, policy
from pathlib import Path

from sqlalchemy import insert

from mailbot.accounts.rows import column_values
from mailbot.model import Account
from mailbot.storage.schema import account
from tests.flow import JAN, STRANGER, ZOFIA, Flow, Sent, mail, running

PIOTR = Account("piotr@profil.example", "Piotr", "Wilk", 1971, "m", csd=True)
"""Basic scope, with a profile in the CSD portal."""
ANNA = replace(PIOTR, login="anna@profil.example", given="Anna", sex="f", scope="rozszerzony")
"""Extended scope, with a profile."""


@asynccontextmanager
async def with_profiles(folder: Path) -> AsyncIterator[Flow]:
    """A whole mailbot that knows PIOTR and ANNA as well."""
    async with running(folder) as flow:
        with flow.parts.database.engine.begin() as connection:
            connection.execute(insert(account), [column_values(a) for a in (PIOTR, ANNA)])
        yield flow


async def write(flow: Flow, sender: str, subject: str, body: str, name: str = "first", **more: str) -> str:
    """A mail of ``sender``, with all that is due done; returns the outcome. ``more``: header fields, or ``auth``."""
    auth = more.pop("auth", "pass")
    headers = {key.replace("_", "-"): value for key, value in more.items()}
    return await flow.answer(mail(sender, body, subject=subject, name=name, auth=auth, headers=headers), sender)


def bare(sent: Sent) -> bytes:
    """The octets without what must differ: number, token, date, Message-IDs, recipient."""
    title = str(message_from_bytes(sent.raw, policy=policy.default)["Subject"])
    raw = re.sub(rb"(?m)^(Date|To|Subject|In-Reply-To|References|Message-ID): .*\r\n(?:[ \t].*\r\n)*", b"", sent.raw)
    return re.sub(rb"zgl\d{7}", b"ZGL", title.encode() + re.sub(rb"[0-9a-f]{16}", b"TOKEN", raw), flags=re.IGNORECASE)


@dataclass(frozen=True)
class Channel:
    """A mail, and the ticket and mails that come of it."""

    subject: str
    body: str
    outcome: str
    category: str
    state: str
    mails: str
    desk: str = ""
    sender: str = PIOTR.login
    kind: str = "zgloszenie"
    csd: tuple[str, str] = ("", "")
    """Service and classification of the ticket in the CSD portal."""
    says: str = "Dzień dobry"
    language: str = "pl"


ZONE = "Strefa Klienta KAS"
REGISTER = "Rejestracja na PUESC – zakładanie konta"
DELETE = (ZONE, f"{REGISTER} – Usuń swoje konto na PUESC")
TAKEN, SOLVED, WAITS = "ZAREJESTROWANE", "ZAMKNIETE_ROZWIAZANE", "OCZEKUJE_NA_KLIENTA"
PERSON = "DO_WERYFIKACJI"
CHANNELS = {
    "NOWE": Channel("NOWE", "Błąd 500 w SENT.", "NEW_OK", "OGOLNE", TAKEN, "T8", "I_LINIA"),
    "NOWE of a stranger": Channel("NOWE", "Mam pytanie.", "MORE", "OGOLNE", WAITS, "T6", sender=STRANGER),
    "NOWE without a profile": Channel("NOWE", "Mam pytanie.", "MORE", "OGOLNE", WAITS, "T6", sender=JAN.login),
    "NOWE of a blocked account": Channel("NOWE", "Mam pytanie.", "MORE", "OGOLNE", WAITS, "T6", sender=ZOFIA.login),
    "NOTIFICATION": Channel(
        "NOTIFICATION", "I cannot open the AES form.", "NEW_OK", "OGOLNE", TAKEN, "T8", "I_LINIA",
        sender=STRANGER, says="We answer simple requests within 4 hours", language="en",
    ),
    "a service": Channel(
        REGISTER, "Nie przyszedł kod.", "GENERAL", "ZAKLADANIE_KONTA", TAKEN, "T8", "I_LINIA", csd=(ZONE, REGISTER)
    ),
    "a wniosek": Channel(
        "Obsługa wniosków o usługę", "Proszę o dostęp.", "GENERAL", "WNIOSEK_O_USLUGE", TAKEN, "T8", "I_LINIA",
        kind="wniosek",
    ),
    "deletion": Channel(
        "Usuń konto na PUESC", "Proszę o usunięcie konta.", "DELETE_INFO", "USUNIECIE_KONTA", SOLVED, "T11",
        csd=DELETE, says="WRR0003 Dezaktywacja danych osoby [SZPROT]",
    ),
    "deletion in English": Channel(
        "PUESC", "Hello, delete my account please. Thank you.", "DELETE_INFO", "USUNIECIE_KONTA", SOLVED, "T11",
        csd=DELETE, says="WRR0003", language="en",
    ),
    "case 4": Channel(
        "Hasło", "Nie pamiętam hasła podstawowego. Pamiętam hasło awaryjne.", "SELF_SERVICE", "HASLO_SAMODZIELNE",
        SOLVED, "T16", says="zapomniałem hasła",
    ),
    "three wrong passwords": Channel(
        "Logowanie", "Trzy razy podałem złe hasło i nie mogę się zalogować.", "SELF_SERVICE",
        "ODBLOKOWANIE_LOGOWANIA", SOLVED, "T20", says="30 minut",
    ),
    "PESEL": Channel(
        "Nie mogę założyć konta", "System pisze, że PESEL już istnieje.", "PESEL_EXISTS", "PESEL_ISTNIEJE", WAITS,
        "T17", sender=STRANGER, says="Zadzwoń",
    ),
    "mailbox lost": Channel(
        "Konto", "Nie mam już dostępu do skrzynki i zapomniałem hasła podstawowego. Hasło awaryjne pamiętam.",
        "GENERAL", "ZMIANA_EMAILA", TAKEN, "T8", "II_LINIA", sender=STRANGER, kind="wniosek",
    ),
    "a question of the list": Channel(
        "Wrota Celne", "Ile osób może korzystać z systemu?", "FAQ", "FAQ_WROTA_CELNE", SOLVED, "T13",
        sender=STRANGER, says="dowolna liczba użytkowników",
    ),
    "nearly a question": Channel(
        "Wrota Celne", "Znikają nam zapisane zgłoszenia.", "REVIEW", "FAQ_WROTA_CELNE", PERSON, "T1", "II_LINIA"
    ),
    "two matters": Channel(
        "Sprawy", "Proszę o usunięcie konta. Pamiętam hasło awaryjne, zapomniałem hasła podstawowego.", "REVIEW",
        "OGOLNE", PERSON, "T1", "II_LINIA",
    ),
    "a question of a login": Channel(
        "Pytanie", "Kiedy będzie odpowiedź?", "GENERAL", "OGOLNE", TAKEN, "T8", "I_LINIA", sender=JAN.login
    ),
    "a question of anybody": Channel(
        "Pytanie", "Kiedy będzie odpowiedź?", "MORE", "OGOLNE", WAITS, "T6", sender=STRANGER
    ),
    "a number that never was": Channel(
        "Re: ZGL9999999", "Co z moją sprawą?", "ZGL_FOREIGN", "OGOLNE", TAKEN, "T1", "I_LINIA"
    ),
    "thanks": Channel(
        "Podziękowanie", "Dziękuję bardzo!", "GENERAL", "OGOLNE", "ZAMKNIETE_BEZ_ZMIAN", "", says=""
    ),
}  # fmt: skip
