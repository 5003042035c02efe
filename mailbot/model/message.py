"""What came in and who wrote it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from mailbot.text.address import login_key


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
    again: bool = False
    """An installation before this one may have answered it: what it did about it was lost (`mailbot reconcile`)."""
    wanted: bool = False
    """A person took it from the unsolicited mail (`mailbot queue unspam`): the marks of the filter do not count."""
    released: str = ""
    """A person let it out of the quarantine, or of a limit, to be decided again (desk/perform.py): "quarantine ZGL…",
    "limit ZGL…" with the number of the ticket it waited in."""


_OVERSIZED = "oversized: "


def oversized(octets: int | None) -> str:
    """The note of a message of which only the header is stored."""
    return f"{_OVERSIZED}{octets} octets, only the header was fetched"


def may_move(note: str | None) -> bool:
    """Whether the message may leave the folder it came to. What the server failed to give stays: it may be mended, or
    break the move. One that is too large is whole on the server, wherever it lies."""
    return note is None or note.startswith(_OVERSIZED)


@dataclass(frozen=True, slots=True)
class RawMessage:
    """A message exactly as it arrived. Signatures are checked on these bytes, never on a re-serialised part."""

    raw: bytes
    envelope: Envelope
    received_at: datetime
    """IMAP INTERNALDATE or the moment of the SMTP 250; aware."""
    to_check: bool = False
    """Who has it understood may check its files as an application (workers.decide), and so needs their octets."""

    @property
    def sha256(self) -> str:
        """Hex digest of the raw bytes."""
        return hashlib.sha256(self.raw).hexdigest()


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
    """Also what comes to the return path of a mail of ours: nobody but a machine writes there."""
    REPORT = "report"
    LOOP = "loop"
    OWN_ADDRESS = "own-address"
    OUT_OF_OFFICE = "out-of-office"
    MAILER_DAEMON = "mailer-daemon"
    MAYBE = "maybe"
    """Weak signs alone: a person may have written it. Somebody reads it, and it gets no answer."""


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
    unread: tuple[str, ...] = ()
    """Where more of the letter may stand: nothing is said to be missing from a letter that was not read whole."""

    @property
    def by_machine(self) -> bool:
        """Whether a machine wrote it for certain."""
        return self.automatic not in (None, Automatic.MAYBE)

    def all(self, name: str) -> tuple[bytes, ...]:
        """Raw values of every header field called ``name`` (any case), from the top."""
        wanted = name.lower()
        return tuple(h.value for h in self.headers if h.name.lower() == wanted)


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
    key: str | None = field(init=False, compare=False)
    """The key of the login that ``address`` is; None: no address."""
    proven: bool = field(init=False, compare=False)
    """There is one address, and its domain vouches for the mail."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "key", login_key(self.address) if self.address is not None else None)
        passed = self.authentication.result is AuthResult.PASS
        object.__setattr__(self, "proven", self.address is not None and passed)
