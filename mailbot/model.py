"""The values that travel along the flow. All are frozen; none does I/O.

Names follow the standards: envelope (RFC 5321), header and mailbox (RFC 5322), authentication results (RFC 8601).
The spelling of outcomes, states and defects is the contract of docs/flow.md.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

# ---------------------------------------------------------------------------------------------- what came in


class Source(StrEnum):
    """The road by which a message reached us."""

    IMAP = "imap"
    SMTP = "smtp"
    LMTP = "lmtp"
    INJECT = "inject"


@dataclass(frozen=True, slots=True)
class Envelope:
    """What the transport knew about a message (RFC 5321), or where it lay in a mailbox (RFC 9051)."""

    source: Source
    mail_from: str | None = None
    """Reverse-path; "" is the null reverse-path <>; None: unknown (IMAP)."""
    rcpt_to: tuple[str, ...] = ()
    peer: str | None = None
    """IP address of the SMTP client."""
    helo: str | None = None
    mailbox: str | None = None
    """IMAP: account and folder, "user@host/INBOX"."""
    uidvalidity: int | None = None
    uid: int | None = None
    note: str | None = None
    """Not None: the bytes are not the whole message (too large, or the server failed to give it), and why."""


@dataclass(frozen=True, slots=True)
class RawMessage:
    """A message exactly as it arrived. Signatures are checked on these bytes, never on a re-serialised part."""

    raw: bytes
    envelope: Envelope
    received_at: datetime
    """IMAP INTERNALDATE or the moment of the SMTP 250; aware."""

    @property
    def sha256(self) -> str:
        """Hex digest of the raw bytes."""
        return hashlib.sha256(self.raw).hexdigest()


# ------------------------------------------------------------------------------------------- what it says


@dataclass(frozen=True, slots=True)
class Header:
    """One header field: the name as written, the raw value with its folding, without the final line break."""

    name: str
    value: bytes


@dataclass(frozen=True, slots=True)
class Attachment:
    """One decoded part that is not the text of the mail. ``filename`` is the sender's text: never use it as a path."""

    filename: str
    content_type: str
    data: bytes


class Automatic(StrEnum):
    """Why a mail was written by a machine (RFC 3834 and its relatives)."""

    AUTO_SUBMITTED = "auto-submitted"
    BULK = "bulk"
    LIST = "list"
    NULL_SENDER = "null-sender"
    REPORT = "report"
    LOOP = "loop"
    OWN_ADDRESS = "own-address"
    OUT_OF_OFFICE = "out-of-office"
    MAILER_DAEMON = "mailer-daemon"


@dataclass(frozen=True, slots=True)
class InboundMessage:
    """A message as understood. Every text is Unicode NFC."""

    headers: tuple[Header, ...]
    subject: str
    """Decoded (RFC 2047) and unfolded; still with every space and invisible character the sender sent."""
    message_id: str | None
    """"<left@right>" when it is there exactly once and well-formed, else None."""
    in_reply_to: tuple[str, ...]
    references: tuple[str, ...]
    date: datetime | None
    text: str
    """What the person wrote in this mail: HTML made text, quotes and phone signatures cut, lines joined by \\n."""
    full_text: str
    """The same with quotes and signatures."""
    attachments: tuple[Attachment, ...] = ()
    automatic: Automatic | None = None
    repairs: tuple[str, ...] = ()
    """What had to be repaired to read it, e.g. "subject: raw bytes read as iso-8859-2"."""
    damage: tuple[str, ...] = ()
    """Why the message cannot be read for certain (over a cap, not MIME, TNEF only...). Not empty: a person looks."""

    def all(self, name: str) -> tuple[bytes, ...]:
        """Raw values of every header field called ``name`` (any case), from the top."""
        wanted = name.lower()
        return tuple(h.value for h in self.headers if h.name.lower() == wanted)


# ------------------------------------------------------------------------------------------- who wrote it


class AuthResult(StrEnum):
    """Verdict about the From domain (RFC 8601 words)."""

    PASS = "pass"  # noqa: S105
    FAIL = "fail"
    NONE = "none"
    TEMPERROR = "temperror"


@dataclass(frozen=True, slots=True)
class Authentication:
    """Whether the domain of the From address vouches for the mail. ``detail`` is private."""

    result: AuthResult
    detail: str
    methods: frozenset[str] = frozenset()
    """The methods (spf, dkim, dmarc) whose aligned pass vouches; empty unless ``result`` is pass."""


@dataclass(frozen=True, slots=True)
class Sender:
    """Who wrote the mail: exactly one strict mailbox of the raw From, or none and the reason why."""

    address: str | None
    """Normalised by ``sender.mailbox.normalise``; None when From is missing, doubled or ambiguous."""
    ambiguity: str | None
    """Private reason when ``address`` is None; None also when a bug kept us from looking (then there is damage)."""
    authentication: Authentication


# ------------------------------------------------------------------------------------------ what is asked


class SubjectClass(StrEnum):
    """Kind of subject (domain.md §1.6, decision table)."""

    EXACT = "EXACT"
    NEAR = "NEAR"
    REPLY_EXACT = "REPLY_EXACT"
    NOWE = "NOWE"
    NOWE_NEAR = "NOWE_NEAR"
    ZGL = "ZGL"
    OTHER = "OTHER"


class Difference(StrEnum):
    """How a near-miss subject differs from the required one; the sentences stand in rules/differences.yaml."""

    CASE = "CASE"
    DIACRITICS = "DIACRITICS"
    PREFIX = "PREFIX"
    QUOTES = "QUOTES"
    PUNCT = "PUNCT"
    EXTRA = "EXTRA"
    PART = "PART"
    TYPO = "TYPO"
    SPACES = "SPACES"
    HOMOGLYPH = "HOMOGLYPH"
    CHARSET = "CHARSET"


@dataclass(frozen=True, slots=True)
class Subject:
    """A classified subject."""

    kind: SubjectClass
    text: str
    """Canonical form: NFC, no invisible characters, every space U+0020, trimmed (domain.md §1.6)."""
    differences: tuple[tuple[Difference, str], ...] = ()
    """(code, detail) for NEAR; the detail is the prefix, the words... shown to the citizen, "" where there is none."""
    tickets: tuple[str, ...] = ()
    """ZGL numbers named in it, normalised "ZGL1234567"."""


class Phrase(StrEnum):
    """Which sentence of the procedure stands in the body (seed 001)."""

    A = "A"
    B = "B"


REQUIRED_SUBJECT = "HASŁO AWARYJNE PUESC PROCEDURA SPECJALNA"
"""The subject on the procedure's card (seed 001, P3): code, not rules, as nothing else may be accepted or asked."""

SENTENCES: Mapping[Phrase, str] = {
    Phrase.A: "Proszę o zmianę hasła awaryjnego dla",
    Phrase.B: "Proszę o zmianę hasła awaryjnego oraz zmianę adresu e-mail dla",
}
"""The sentences of the card (seed 001, P5 and P11); name and birth year follow."""


class Defect(StrEnum):
    """Formal defects: visible in the mail itself, named precisely and all at once (domain.md §3.1)."""

    EMPTY = "EMPTY"
    PHRASE_MISSING = "PHRASE_MISSING"
    PLACEHOLDER = "PLACEHOLDER"
    NAME_MISSING = "NAME_MISSING"
    YEAR_MISSING = "YEAR_MISSING"
    TWO_PERSONS = "TWO_PERSONS"
    ATTACHMENT_MISSING = "ATTACHMENT_MISSING"
    UNSIGNED = "UNSIGNED"
    SIGNATURE_INVALID = "SIGNATURE_INVALID"
    SIGNATURE_KIND = "SIGNATURE_KIND"
    SIGNER_NOT_APPLICANT = "SIGNER_NOT_APPLICANT"
    APP_NEW_EMAIL_DIFFERS = "APP_NEW_EMAIL_DIFFERS"
    APP_INCOMPLETE = "APP_INCOMPLETE"
    CONTAINER = "CONTAINER"
    DETACHED_ONLY = "DETACHED_ONLY"
    PHRASE_A_WITH_APPLICATION = "PHRASE_A_WITH_APPLICATION"


@dataclass(frozen=True, slots=True)
class Request:
    """What a mail with the exact subject asks for."""

    phrase: Phrase | None
    names: tuple[str, ...]
    """The words that stand where the name should, as written, courtesy words and labels removed."""
    year: int | None
    """Birth year, four digits."""
    defects: tuple[Defect, ...]
    """Formal defects of the body, in the order of rules/defects.yaml."""


@dataclass(frozen=True, slots=True)
class Identity:
    """What two copies of a message, or two mails with one request, have in common."""

    message_key: str
    """The Message-ID, or "sha256:…" of the bytes where there is none."""
    fingerprint: str
    """Digest of sender, subject, text and attachments: what the person sent, without the marks of transport."""


@dataclass(frozen=True, slots=True)
class Understanding:
    """What a message says, before anything outside it was asked."""

    received_at: datetime
    message: InboundMessage
    sender: Sender
    subject: Subject
    request: Request
    category: str
    identity: Identity
    bounced: str | None = None
    """Number of the ticket whose mail came back, when the message is a delivery report for it."""


# ----------------------------------------------------------------------------------------------- accounts


class AccountStatus(StrEnum):
    """State of a PUESC account."""

    ACTIVE = "active"
    BLOCKED = "blocked"


@dataclass(frozen=True, slots=True)
class Account:
    """One PUESC account, as the directory knows it."""

    login: str
    given: str
    surname: str
    birth_year: int
    sex: str | None = None
    """"m", "f" or None when unknown."""
    pesel_hash: str | None = None
    """Keyed hash (HMAC-SHA256, hex); the number itself is never stored."""
    scope: str = "podstawowy"
    csd: bool = False
    """Has a profile in the CSD portal (condition of the channel NOWE)."""
    status: AccountStatus = AccountStatus.ACTIVE


class Match(StrEnum):
    """How a datum of the mail compares with the account."""

    OK = "ok"
    DOUBT = "doubt"
    MISMATCH = "mismatch"
    MISSING = "missing"
    UNKNOWN = "unknown"
    """There is no account to compare with, or it was not asked."""


# ----------------------------------------------------------------------------------- deciding and recording


class Outcome(StrEnum):
    """What became of a message."""

    OK_A = "OK_A"
    OK_B = "OK_B"
    REJ_FORMAL = "REJ_FORMAL"
    REJ_GENERIC = "REJ_GENERIC"
    REVIEW = "REVIEW"
    NEAR_MISS = "NEAR_MISS"
    QUARANTINE = "QUARANTINE"
    NO_REPLY = "NO_REPLY"
    DUPLICATE = "DUPLICATE"
    RATE_LIMITED = "RATE_LIMITED"
    TICKET_UPDATE = "TICKET_UPDATE"
    COMPLAINT_OK = "COMPLAINT_OK"
    COMPLAINT_LATE = "COMPLAINT_LATE"
    ZGL_FOREIGN = "ZGL_FOREIGN"
    NEW_OK = "NEW_OK"
    MORE = "MORE"
    DELETE_INFO = "DELETE_INFO"
    SELF_SERVICE = "SELF_SERVICE"
    PESEL_EXISTS = "PESEL_EXISTS"
    FAQ = "FAQ"
    GENERAL = "GENERAL"


class State(StrEnum):
    """States of a ticket (domain.md §3.7)."""

    ZAREJESTROWANE = "ZAREJESTROWANE"
    W_TOKU = "W_TOKU"
    DO_WERYFIKACJI = "DO_WERYFIKACJI"
    OCZEKUJE_NA_KLIENTA = "OCZEKUJE_NA_KLIENTA"
    ZAMKNIETE_ROZWIAZANE = "ZAMKNIETE_ROZWIAZANE"
    ZAMKNIETE_NEGATYWNIE = "ZAMKNIETE_NEGATYWNIE"
    ZAMKNIETE_BEZ_ZMIAN = "ZAMKNIETE_BEZ_ZMIAN"
    PONOWNIE_OTWARTE = "PONOWNIE_OTWARTE"
    KWARANTANNA = "KWARANTANNA"
    WSTRZYMANE = "WSTRZYMANE"
    ODRZUCONE_AUTOMAT = "ODRZUCONE_AUTOMAT"


class MailKind(StrEnum):
    """The outgoing mails; each has a template rules/mails/<kind>_*.j2."""

    T1 = "T1"
    T2A = "T2A"
    T2B = "T2B"
    T3 = "T3"
    T4 = "T4"
    T5 = "T5"
    T6 = "T6"
    T7 = "T7"
    T8 = "T8"
    T9 = "T9"
    T10 = "T10"
    T11 = "T11"
    T12 = "T12"
    T13 = "T13"
    T14 = "T14"
    T15 = "T15"
    T16 = "T16"
    T17 = "T17"
    T18 = "T18"


class Duplicate(StrEnum):
    """Whether we have seen the mail or the request before (row 5 of the decision table)."""

    NO = "no"
    SAME_MESSAGE = "same-message"
    """Same Message-ID and same bytes: nothing is sent."""
    SAME_REQUEST = "same-request"
    """Same sender and same content while the first ticket is open: T15 once a day."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What history says about one message."""

    duplicate: Duplicate
    ticket_id: int | None = None
    """The ticket it belongs to, when it is a duplicate and its original has one."""
    reused_id: bool = False
    """Its Message-ID was used before by a message with other content: kept, processed and marked."""
    promised_at: datetime | None = None
    """Until when that ticket is promised an answer; for SAME_REQUEST."""


def _fact(doc: str, *values: str) -> dict[str, object]:
    return {"doc": doc, "values": values}


@dataclass(frozen=True, slots=True)
class Facts:
    """What the rules may ask, and nothing else: the closed vocabulary of rules/*.yaml.

    Every value is a word; ``metadata`` of each field holds its meaning and the words it can take, and is the one source
    for the loader, the linter and docs/rules.md.
    """

    readable: str = field(metadata=_fact("can the message be read for certain", "yes", "no"))
    automatic: str = field(
        metadata=_fact("written by a machine (RFC 3834), and how we know", "no", *(a.value for a in Automatic))
    )
    sender: str = field(metadata=_fact("From holds exactly one strict mailbox", "single", "ambiguous"))
    authentication: str = field(
        metadata=_fact("does the From domain vouch for the mail", *(a.value for a in AuthResult))
    )
    duplicate: str = field(metadata=_fact("has the mail or request been seen", *(d.value for d in Duplicate)))
    subject: str = field(metadata=_fact("class of the subject", *(s.value for s in SubjectClass)))
    phrase: str = field(metadata=_fact("sentence of the procedure in the body", "A", "B", "none"))
    attachment: str = field(metadata=_fact("is a file attached", "yes", "no"))
    defects: str = field(metadata=_fact("has the mail formal defects", "yes", "no"))
    account: str = field(
        metadata=_fact(
            "account whose login is the sender (not-asked: a formal defect already decides)",
            "active",
            "blocked",
            "unknown",
            "not-asked",
        )
    )
    name: str = field(metadata=_fact("name in the mail against the account", *(m.value for m in Match)))
    year: str = field(metadata=_fact("birth year in the mail against the account", *(m.value for m in Match)))


@dataclass(frozen=True, slots=True)
class TraceStep:
    """One rule that was tried."""

    rule: str
    hit: bool
    asked: Mapping[str, tuple[str, ...]]
    """Fact → accepted words."""
    saw: Mapping[str, str]
    """The facts looked at, up to and including the first that did not hold."""


@dataclass(frozen=True, slots=True)
class Decision:
    """What will be done with one message, and why."""

    rule: str
    outcome: Outcome
    category: str
    state: State
    desk: str
    """Who looks at it: "" (nobody), II_LINIA, BEZPIECZENSTWO."""
    mails: tuple[MailKind, ...]
    defects: tuple[Defect, ...]
    trace: tuple[TraceStep, ...]
    ruleset: str
    """Hash of the rule set that decided."""
    floor: tuple[str, ...] = ()
    """What the security floor forbade; not empty: the rule's answer was replaced by REVIEW without mails."""


@dataclass(frozen=True, slots=True)
class OutgoingMail:
    """One mail ready for the outbox: rendered once, to bytes."""

    kind: MailKind
    recipient: str
    return_path: str
    """Envelope sender; "" is the null reverse-path of an automatic answer (RFC 3834 §3.3)."""
    message_id: str
    raw: bytes
    delay_seconds: int = 0
    """Not to be sent before this long after the decision (generic refusals)."""
