"""What a person writes to a citizen, and what may stand in it. Pure.

The frame is the office's (rules/mails): greeting, number, telephone and signature are never typed.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Mapping, Sequence

from mailbot.desk.plan import PlannedMail, Refusal, Wait
from mailbot.desk.requests import Ask, File, Reply, To, Written
from mailbot.desk.view import TicketView
from mailbot.mails import strangers
from mailbot.mails.context import PLACEHOLDER, Enclosure
from mailbot.model import Account, Defect, MailKind
from mailbot.model.categories import CASE_B
from mailbot.ruleset import languages
from mailbot.ruleset.model import Contacts, Ruleset
from mailbot.ruleset.texts import DEFECT_FIELDS
from mailbot.signatures.bounds import FILE_MAX
from mailbot.text.mask import mask
from mailbot.tickets.number import spell

TEXT_LENGTH = 8000
"""Characters: some pages."""
DATA = ("imię", "nazwisko", "dotychczasowy login", "nowy adres e-mail")
"""What an application may lack (rules/defects.yaml, APP_INCOMPLETE)."""
TEMPLATES = frozenset({MailKind.T11, MailKind.T16, MailKind.T17, MailKind.T20, *(k for k in MailKind if k.own)})
"""Mails of the rule set that a person may send as they stand: they tell nothing of an account."""

FILES, OCTETS = 5, 10_000_000
"""Of one mail, all files together: what the mail servers of citizens take."""

_NUMBER = re.compile(r"(?<!\w)ZGL[\s\u00a0-]*(\d{1,12})(?!\d)", re.IGNORECASE)
_KINDS: Sequence[tuple[bytes, str, str]] = (
    (b"%PDF-", "application/pdf", ".pdf"),
    (b"\x89PNG\r\n\x1a\n", "image/png", ".png"),
    (b"\xff\xd8\xff", "image/jpeg", ".jpg"),
)
"""First octets, type, ending."""
_NAME = re.compile(r"[^A-Za-z0-9_-]+")


def reply(case: TicketView, request: Reply, ruleset: Ruleset) -> PlannedMail | Refusal:
    """A free answer, or a mail of the rule set."""
    if request.template is None:
        return written(MailKind.T21, case, request)
    if request.template not in TEMPLATES or request.template not in ruleset.templates:
        return Refusal("no-template", {"kind": request.template.value})
    if request.text.strip() or request.files:
        return Refusal("template-alone")
    return _to(case, request, PlannedMail(request.template, "", Wait.TAKE_BACK))


def question(case: TicketView, request: Ask, ruleset: Ruleset) -> PlannedMail | Refusal:
    """What we need to know, and until when (T6 by hand)."""
    found = details(request.defects, request.missing)
    if isinstance(found, Refusal):
        return found
    spoken = languages.of(ruleset, case.language)
    if "czego" in found:
        found = {**found, "czego": ", ".join(spoken.data.get(name, name) for name in DATA if name in request.missing)}
    named = [spoken.defects[d].format_map(found) for d in ruleset.defects if d in request.defects]
    asked = "\n".join(f"{place}. {sentence}" for place, sentence in enumerate(named, 1))
    text = "\n\n".join(part for part in (asked, request.text.strip()) if part)
    return _made(MailKind.T22, case, request, text)


def written(kind: MailKind, case: TicketView, request: Written) -> PlannedMail | Refusal:
    """A mail that holds what a person wrote."""
    return _made(kind, case, request, request.text.strip())


def _made(kind: MailKind, case: TicketView, request: Written, text: str) -> PlannedMail | Refusal:
    if not text:
        return Refusal("empty")
    return _to(case, request, PlannedMail(kind, "", Wait.TAKE_BACK, text=_tidy(text), files=request.files))


def _tidy(text: str) -> str:
    """NFC, lines ended by \\n, no space at their ends, at most one empty line in a row."""
    lines = unicodedata.normalize("NFC", text).replace("\r\n", "\n").replace("\r", "\n").replace("\t", " ")
    return re.sub(r"\n{3,}", "\n\n", "\n".join(line.rstrip() for line in lines.split("\n"))).strip("\n")


def _to(case: TicketView, request: Written, mail: PlannedMail) -> PlannedMail | Refusal:
    if request.to is To.CORRESPONDENT:
        recipient = case.correspondent
    else:
        account = account_of(case)
        recipient = account.login if account else None
    if recipient is None:
        return Refusal("no-recipient" if request.to is To.CORRESPONDENT else "no-login")
    return PlannedMail(mail.kind, recipient, mail.wait, mail.text, mail.files)


def account_of(case: TicketView) -> Account | None:
    """The account the ticket is about."""
    return case.old_account if case.category == CASE_B else case.account


def kept(mail: PlannedMail) -> tuple[tuple[str, str], ...]:
    """What is kept of a mail beside its event, for colleagues."""
    return (("mail", mail.text),) if mail.text else ()


def details(defects: Collection[Defect], missing: Sequence[str]) -> Mapping[str, str] | Refusal:
    """What fills the sentences of ``defects``."""
    if Defect.APP_INCOMPLETE in defects and (not missing or not set(missing) <= set(DATA)):
        return Refusal("which-data", {"data": ", ".join(DATA)})
    said = {
        Defect.APP_INCOMPLETE: ", ".join(name for name in DATA if name in missing),
        Defect.CONTAINER: str(FILE_MAX // 1_000_000),
    }
    return {DEFECT_FIELDS[d]: said[d] for d in defects if d in said}


def fault(text: str, number: str, contacts: Contacts) -> Refusal | None:
    """Why these words of a person must not stand in a mail of ticket ``number``."""
    if len(text) > TEXT_LENGTH:
        return Refusal("too-long", {"most": str(TEXT_LENGTH)})
    if any(unicodedata.category(c)[0] == "C" and c != "\n" for c in text):
        return Refusal("text-invisible")
    if mask(text) != text:
        return Refusal("text-secret")
    if PLACEHOLDER in text:
        return Refusal("text-contact", {"what": PLACEHOLDER})
    others = [found[1] for found in _NUMBER.finditer(text) if spell(int(found[1])) != number]
    if others:
        return Refusal("text-ticket", {"what": spell(int(others[0]))})
    unknown = strangers.find(_NUMBER.sub(" ", text), contacts)
    return Refusal("text-contact", {"what": unknown[0]}) if unknown else None


def too_much(files: Sequence[File]) -> bool:
    """Whether one mail cannot hold them all."""
    return len(files) > FILES or sum(len(file.octets) for file in files) > OCTETS


def enclosures(files: Sequence[File]) -> tuple[Enclosure, ...] | Refusal:
    """The files as they leave: of a type that their octets show, under a plain name."""
    if too_much(files):
        return Refusal("files-limit", {"files": str(FILES), "megabytes": str(OCTETS // 1_000_000)})
    found: list[Enclosure] = []
    for place, file in enumerate(files, 1):
        kind = next((k for k in _KINDS if file.octets.startswith(k[0])), None)
        if kind is None:
            return Refusal("file-type", {"name": file.name[:80]})
        stem = unicodedata.normalize("NFKD", file.name.rpartition("/")[2].rpartition("\\")[2])
        stem = stem.encode("ascii", "ignore").decode().rpartition(".")[0] or stem.encode("ascii", "ignore").decode()
        plain = _NAME.sub("-", stem).strip("-")[:60] or f"plik-{place}"
        found.append(Enclosure(f"{plain}{kind[2]}", kind[1], file.octets))
    return tuple(found)
