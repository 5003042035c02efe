"""The factors of the total decision table (prototypes/decision.py) as mails, accounts and history of this program.

A combination is (subject, sender, phrase, data, attachment, guard) in the words of the prototype. What the citizen
writes is read by the program itself; only the signed files are handed in as their check would judge them.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from functools import cache

from mailbot.flow import facts
from mailbot.model import (
    SENTENCES,
    Account,
    AccountStatus,
    Applicant,
    ApplicationCheck,
    ApplicationState,
    Attachment,
    Authentication,
    AuthResult,
    Automatic,
    Defect,
    Duplicate,
    Facts,
    Identity,
    InboundMessage,
    Match,
    Phrase,
    Request,
    Sender,
    State,
    Subject,
    SubjectClass,
    Thread,
    Understanding,
)
from mailbot.request import phrase
from mailbot.request.topics import NOTHING_SAID, TopicFacts
from mailbot.ruleset.model import Ruleset
from mailbot.text.address import login_key

Combination = tuple[str, str, str, str, str, str]
S = ApplicationState
D = Defect

NOW = datetime(2026, 11, 20, 9, tzinfo=UTC)
KEPT = State.W_TOKU
"""State of the ticket that a mail joins."""
OF_TICKET = "OF_THE_TICKET"
"""Category of the ticket that a mail joins."""

ACTIVE = Account("jan@login.example", "Jan", "Kowalski", 1980, "m", csd=True)
BLOCKED = replace(ACTIVE, login="jan@blokada.example", status=AccountStatus.BLOCKED)
LOST = replace(ACTIVE, login="jan@dawny.example")
"""The account whose login is lost in case B."""
_ACCOUNTS = {account.login: account for account in (ACTIVE, BLOCKED, LOST)}
_STRANGER = "jan@nowa.example"

SENDERS = {
    "LOGIN": (ACTIVE.login, AuthResult.PASS),
    "LOGIN_BLOCKED": (BLOCKED.login, AuthResult.PASS),
    "NOT_LOGIN": (_STRANGER, AuthResult.PASS),
    "NOAUTH_LOGIN": (ACTIVE.login, AuthResult.NONE),
    "NOAUTH_NOT_LOGIN": (_STRANGER, AuthResult.NONE),
    "SPOOF": (ACTIVE.login, AuthResult.FAIL),
}

DATA = {
    "OK": "Jan Kowalski, 1980",
    "NAME_MISMATCH": "Adam Nowak, 1980",
    "NAME_DOUBT": "J. Kowalski, 1980",
    "NAME_MISSING": "1980",
    "YEAR_MISSING": "Jan Kowalski",
    "YEAR_MISMATCH": "Jan Kowalski, 1981",
    "PLACEHOLDER": "(podaj swoje imię i nazwisko oraz rok urodzenia)",
    "TWO_PERSONS": "Jan Kowalski, 1980 i Anna Nowak, 1975",
}
"""What stands behind the sentence; EMPTY is a mail without any text."""

_AGAINST_SIGNER = {
    "OK": Match.OK,
    "NAME_DOUBT": Match.DOUBT,
    "NAME_MISMATCH": Match.MISMATCH,
    "YEAR_MISMATCH": Match.MISMATCH,
}

_GOOD = ApplicationCheck(
    S.QUALIFIED,
    old_login=LOST.login,
    applicant=Applicant("JAN", "KOWALSKI", 1980, None),
    payload_sha256="p" * 64,
    signature_sha256="s" * 64,
)
FILES = {
    "UNSIGNED": ApplicationCheck(S.UNSIGNED, (D.UNSIGNED,)),
    "QUALIFIED_OK": _GOOD,
    "TRUSTED_OK": replace(_GOOD, state=S.TRUSTED),
    "SIGNATURE_INVALID": ApplicationCheck(S.INVALID, (D.SIGNATURE_INVALID,)),
    "SIGNATURE_KIND": replace(_GOOD, state=S.OTHER_KIND, defects=(D.SIGNATURE_KIND,)),
    "INDETERMINATE": replace(_GOOD, state=S.DOUBT),
    "SIGNER_NOT_APPLICANT": replace(_GOOD, defects=(D.SIGNER_NOT_APPLICANT,)),
    "SEVERAL_SIGNERS": replace(_GOOD, state=S.SEVERAL),
    "APP_NEW_EMAIL_DIFFERS": replace(_GOOD, defects=(D.APP_NEW_EMAIL_DIFFERS,)),
    "APP_INCOMPLETE": replace(_GOOD, old_login=None, defects=(D.APP_INCOMPLETE,)),
    "OLD_LOGIN_UNKNOWN": replace(_GOOD, old_login="nikt@nigdzie.example"),
    "OWNER_DIFFERS": replace(_GOOD, applicant=Applicant("MAREK", "OBCY", 1990, None)),
    "NEW_LOGIN_TAKEN": _GOOD,
    "CONTAINER": ApplicationCheck(S.CONTAINER, (D.CONTAINER,)),
    "DETACHED_ONLY": ApplicationCheck(S.DETACHED, (D.DETACHED_ONLY,)),
    "REPLAY": replace(_GOOD, defects=(D.APP_NEW_EMAIL_DIFFERS,)),
}
"""How the files of the mail are judged, once they are checked. NONE and MALWARE are seen without a check."""

_KINDS = {"AUTO": SubjectClass.EXACT, "ZGL_OWN": SubjectClass.ZGL, "ZGL_FOREIGN": SubjectClass.ZGL}
"""Subjects that are no SubjectClass of their own."""
_EMPTY = Request(None, (), None, ())


def understanding(combination: Combination) -> Understanding:
    """The mail, understood and with its files checked where the program may check them."""
    u, (*_, data, attachment, _) = understood(combination), combination
    return replace(u, checked=_checked(attachment, data)) if facts.needs_check(u) else u


def understood(combination: Combination) -> Understanding:
    """The mail before its files are checked."""
    return _understood(*combination[:5])


@cache
def _understood(subject: str, sender: str, said: str, data: str, attachment: str) -> Understanding:
    kind = _KINDS.get(subject) or SubjectClass(subject)
    address, result = SENDERS[sender]
    attached = attachment != "NONE"
    first_look = {"NONE": S.NONE, "MALWARE": S.MALWARE}.get(attachment, S.NOT_ASKED)
    return Understanding(
        received_at=NOW,
        message=_message(subject == "AUTO", attached),
        sender=Sender(address, None, Authentication(result, "")),
        subject=Subject(kind, ""),
        request=_request(said, data, attached) if kind is SubjectClass.EXACT else _EMPTY,
        identity=Identity("", ""),
        checked=ApplicationCheck(first_look),
    )


@cache
def _message(automatic: bool, attached: bool) -> InboundMessage:
    files = (Attachment("wniosek.pdf", "application/pdf", b"%PDF-"),) if attached else ()
    machine = Automatic.AUTO_SUBMITTED if automatic else None
    return InboundMessage((), "", None, (), (), None, "", "", attachments=files, automatic=machine)


@cache
def _request(said: str, data: str, attached: bool) -> Request:
    sentence = SENTENCES[Phrase(said)] if said != "NONE" else "Proszę o pomoc:"
    return phrase.read("" if data == "EMPTY" else f"{sentence} {DATA[data]}", attachments=attached)


@cache
def _checked(attachment: str, data: str) -> ApplicationCheck:
    found = FILES[attachment]
    body = Match.MISMATCH if attachment == "OWNER_DIFFERS" else _AGAINST_SIGNER.get(data)
    return replace(found, body=body) if found.applicant else found


def known(combination: Combination) -> facts.HistoryFacts:
    """What history and registry say beside the account that is asked for."""
    subject, sender, _, _, attachment, guard = combination
    thread = None
    if subject.startswith("ZGL"):
        # Only a proven sender is anybody's correspondent (tickets/correspondence.py).
        own = subject == "ZGL_OWN" and SENDERS[sender][1] is AuthResult.PASS
        thread = Thread(own, 1, KEPT, OF_TICKET) if own else Thread(own=False)
    return facts.HistoryFacts(
        taken=SENDERS[sender][0] in _ACCOUNTS or attachment == "NEW_LOGIN_TAKEN",
        replayed=attachment == "REPLAY",
        limit="sender" if guard == "RATE_LIMIT" else "no",
        thread=thread,
    )


Told = tuple[Facts, tuple[Defect, ...], str]
"""Facts, formal defects and category: all that ``decide`` is told about a mail."""


def assess(combination: Combination, ruleset: Ruleset, reading: TopicFacts = NOTHING_SAID) -> Told:
    """What ``decide`` is told about a combination, by the program's own facts.py."""
    return told(understanding(combination), combination, ruleset, reading)


def told(u: Understanding, combination: Combination, ruleset: Ruleset, reading: TopicFacts = NOTHING_SAID) -> Told:
    """The same about ``u`` with account and history of a combination."""
    history = known(combination)
    account = _ACCOUNTS.get(login_key(facts.login_to_ask(u) or "") or "")
    duplicate = Duplicate.SAME_REQUEST if combination[5] == "DUPLICATE" else Duplicate.NO
    gathered, defects = facts.gather(u, account, duplicate, history, reading)
    return gathered, defects, facts.category(u, history, reading, ruleset)
