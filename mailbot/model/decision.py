"""What becomes of a message, and the words for it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from mailbot.model.request import Defect


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
    SPAM = "SPAM"


class State(StrEnum):
    """States of a ticket (procedure §3.7)."""

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

    @property
    def closed(self) -> bool:
        """Nobody has anything to do for a ticket in this state."""
        return self.value.startswith("ZAMKNIETE")


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
    T19 = "T19"
    T20 = "T20"
    T21 = "T21"
    T22 = "T22"
    T23 = "T23"
    W1 = "W1"
    W2 = "W2"
    W3 = "W3"
    W4 = "W4"
    W5 = "W5"
    W6 = "W6"
    W7 = "W7"
    W8 = "W8"
    W9 = "W9"

    @property
    def own(self) -> bool:
        """One of the nine that an office writes for channels of its own; none of them is shipped."""
        return self.value.startswith("W")

    @property
    def by_hand(self) -> bool:
        """One that holds what a person of the office wrote."""
        return self in (MailKind.T21, MailKind.T22, MailKind.T23)


class Duplicate(StrEnum):
    """Whether we have seen the mail or the request before (row 5 of the decision table)."""

    NO = "no"
    SAME_MESSAGE = "same-message"
    """Same Message-ID and same bytes: nothing is sent."""
    SAME_REQUEST = "same-request"
    """Same sender and same content while the first ticket is open: T15 once a day."""


class Desk(StrEnum):
    """Who looks at a ticket."""

    NOBODY = ""
    I_LINIA = "I_LINIA"
    II_LINIA = "II_LINIA"
    BEZPIECZENSTWO = "BEZPIECZENSTWO"


class EarlierCopy(NamedTuple):
    """The other copy of a letter that came over two roads, one of which has changed it, and what became of it."""

    ticket_id: int | None
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class DuplicateCheck:
    """What history says about one message."""

    duplicate: Duplicate
    ticket_id: int | None = None
    """The ticket it belongs to, when it is a duplicate and its original has one."""
    reused_id: bool = False
    """Its Message-ID was used before by a message with other content: kept, processed and marked."""
    promised_at: datetime | None = None
    """Until when that ticket is promised an answer; for SAME_REQUEST."""
    state: State | None = None
    """That ticket's, for SAME_REQUEST."""
    waits: bool = False
    """It has asked the citizen something, and waits for him."""
    copy: EarlierCopy | None = None
    """Where it is new as it stands, but a letter of the same sender with its Message-ID, subject and Date came."""


@dataclass(frozen=True, slots=True)
class TraceStep:
    """One rule that was tried."""

    rule: str
    hit: bool
    asked: Mapping[str, tuple[str, ...]]
    """Fact → accepted words."""
    saw: Mapping[str, str]
    """The facts looked at, up to and including the first that did not hold."""
    shadow: bool = False
    """The rule is only watched: it holds, and the rules below were tried all the same."""


@dataclass(frozen=True, slots=True)
class Decision:
    """What will be done with one message, and why."""

    rule: str
    outcome: Outcome
    category: str
    state: State
    desk: Desk
    mails: tuple[MailKind, ...]
    defects: tuple[Defect, ...]
    trace: tuple[TraceStep, ...]
    ruleset: str
    """Hash of the rule set that decided."""
    floor: tuple[str, ...] = ()
    """What the security floor forbade; not empty: the rule's answer was replaced by REVIEW without mails."""
    watched: tuple[tuple[str, Outcome], ...] = ()
    """(rule, outcome) of the rules that hold and are only watched."""


@dataclass(frozen=True, slots=True)
class Thread:
    """The ticket a mail belongs to, as the mail says and history confirms (rows 6 and 7 of the decision table)."""

    own: bool
    """The proven sender is a correspondent of that ticket. False: of none that he names, or there is no such ticket."""
    ticket_id: int | None = None
    """This and the rest of an own ticket only: nothing may be known of anybody else's."""
    state: State | None = None
    category: str = ""
    answered_at: datetime | None = None
    """When the mail with the answer was accepted; None: not yet."""
    complaint_until: datetime | None = None
    """Last moment of a complaint about that answer."""
    in_letter: bool = False
    """Nothing but a number in the letter leads there: a matter that has an answer of its own gets that."""


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
