"""What a person asks the desk to do: one class an action, so that what belongs to one cannot be handed to another.

A note has no recipient and a reply no other box than its text: what is written for colleagues cannot become a mail.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import ClassVar

from mailbot.model import Defect, MailKind


class Action(StrEnum):
    """Everything a person may do with a ticket. What is not here cannot be done."""

    TAKE = "take"
    GIVE = "give"
    PUT_BACK = "put-back"
    ASSIGN = "assign"
    NOTE = "note"
    REPLY = "reply"
    REPLY_AND_CLOSE = "reply-and-close"
    ASK = "ask"
    REFUSE_NAMED = "refuse-named"
    REFUSE_GENERIC = "refuse-generic"
    ACCEPT_A = "accept-a"
    ACCEPT_B = "accept-b"
    CONFIRM_B = "confirm-b"
    WITHDRAW_B = "withdraw-b"
    STOP = "stop"
    RELEASE = "release"
    OUT_OF_QUARANTINE = "out-of-quarantine"
    OUT_OF_LIMIT = "out-of-limit"
    CLOSE = "close"
    REOPEN = "reopen"
    ANSWER_COMPLAINT = "answer-complaint"
    MERGE = "merge"
    SPLIT = "split"
    LINK = "link"
    MAIL_RETRY = "mail-retry"
    MAIL_HOLD = "mail-hold"
    MAIL_CANCEL = "mail-cancel"
    TAKE_BACK = "take-back"
    CALL = "call"


class To(StrEnum):
    """Whom a person writes to. There is no third."""

    CORRESPONDENT = "correspondent"
    """Who wrote the letter that opened the ticket."""
    LOGIN = "login"
    """The login of the account the ticket is about, as the directory holds it."""


class How(StrEnum):
    """How a ticket is closed."""

    DONE = "done"
    REFUSED = "refused"
    UNCHANGED = "unchanged"


class Silence(StrEnum):
    """Why a ticket may be closed without a mail."""

    ANSWERED = "answered"
    """A mail has answered it already."""
    CALLED = "called"
    """The citizen was told by telephone; a call is written down."""
    NOISE = "noise"
    """Nobody waits for an answer, or nobody may get one."""


class Heard(StrEnum):
    """How a caller answered one question."""

    RIGHT = "right"
    WRONG = "wrong"
    NOT_ASKED = "not-asked"


class Asked(StrEnum):
    """The questions to a caller."""

    NAME = "name"
    YEAR = "year"
    LOGIN = "login"
    MATTER = "matter"
    """What was asked, and when."""


class CallOutcome(StrEnum):
    """What came of a call."""

    TOLD = "told"
    NOT_HIS = "not-his"
    """“It was not me”: the ticket is to be stopped (an action of its own)."""
    BY_MAIL = "by-mail"
    """We answer by e-mail to the login."""
    NOTHING = "nothing"


@dataclass(frozen=True, slots=True)
class File:
    """A file that goes with a mail. ``name`` as the person gave it."""

    name: str
    octets: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionRequest:
    """``version``: of the ticket as the person saw it. ``reason``: in their words, for colleagues and auditors."""

    action: ClassVar[Action]
    version: int
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Take(ActionRequest):
    action = Action.TAKE


@dataclass(frozen=True, slots=True, kw_only=True)
class Give(ActionRequest):
    action = Action.GIVE
    to: str
    """Name of an operator."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PutBack(ActionRequest):
    action = Action.PUT_BACK


@dataclass(frozen=True, slots=True, kw_only=True)
class Assign(ActionRequest):
    action = Action.ASSIGN
    desk: str
    """Value of model.Desk."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Note(ActionRequest):
    action = Action.NOTE
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Written(ActionRequest):
    """What becomes a mail. ``text``: paragraphs parted by an empty line; greeting and signature are the office's."""

    text: str = ""
    to: To = To.CORRESPONDENT
    files: tuple[File, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply(Written):
    """``template``: a mail of the rule set in place of ``text``."""

    action = Action.REPLY
    template: MailKind | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplyAndClose(Reply):
    action = Action.REPLY_AND_CLOSE
    how: How = How.DONE


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask(Written):
    """``defects``: what is missing, in the words of the rule set, before ``text``."""

    action = Action.ASK
    defects: tuple[Defect, ...] = ()
    missing: tuple[str, ...] = ()
    """As in RefuseNamed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RefuseNamed(ActionRequest):
    action = Action.REFUSE_NAMED
    defects: tuple[Defect, ...]
    missing: tuple[str, ...] = ()
    """Data that an application lacks (words of DATA), for Defect.APP_INCOMPLETE."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RefuseGeneric(ActionRequest):
    action = Action.REFUSE_GENERIC


@dataclass(frozen=True, slots=True, kw_only=True)
class AcceptA(ActionRequest):
    """``waived``: every deviation that the person has seen and explains in ``reason`` (words of accept.deviations)."""

    action = Action.ACCEPT_A
    waived: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class AcceptB(ActionRequest):
    """The first of two people. ``old_login``: as the application names it."""

    action = Action.ACCEPT_B
    old_login: str
    waived: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfirmB(AcceptB):
    """The second one, who has looked as the first did and says the same; then it happens."""

    action = Action.CONFIRM_B


@dataclass(frozen=True, slots=True, kw_only=True)
class WithdrawB(ActionRequest):
    """Ends the first half: by whoever gave it, or by the second person, who sees it otherwise."""

    action = Action.WITHDRAW_B


@dataclass(frozen=True, slots=True, kw_only=True)
class Stop(ActionRequest):
    action = Action.STOP


@dataclass(frozen=True, slots=True, kw_only=True)
class Release(ActionRequest):
    action = Action.RELEASE


@dataclass(frozen=True, slots=True, kw_only=True)
class OutOfQuarantine(ActionRequest):
    action = Action.OUT_OF_QUARANTINE


@dataclass(frozen=True, slots=True, kw_only=True)
class OutOfLimit(ActionRequest):
    action = Action.OUT_OF_LIMIT


@dataclass(frozen=True, slots=True, kw_only=True)
class Close(ActionRequest):
    action = Action.CLOSE
    how: How
    silence: Silence


@dataclass(frozen=True, slots=True, kw_only=True)
class Reopen(ActionRequest):
    action = Action.REOPEN


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerComplaint(Written):
    action = Action.ANSWER_COMPLAINT


@dataclass(frozen=True, slots=True, kw_only=True)
class Merge(ActionRequest):
    """The younger of the two joins the older, whichever was opened here."""

    action = Action.MERGE
    other: str
    """Number of a ticket."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Split(ActionRequest):
    """A letter that joined the ticket gets one of its own."""

    action = Action.SPLIT
    letter: int
    """Row of the inbox."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Link(ActionRequest):
    action = Action.LINK
    other: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OfMail(ActionRequest):
    mail: int
    """Row of the outbox."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MailRetry(OfMail):
    action = Action.MAIL_RETRY


@dataclass(frozen=True, slots=True, kw_only=True)
class MailHold(OfMail):
    action = Action.MAIL_HOLD


@dataclass(frozen=True, slots=True, kw_only=True)
class MailCancel(OfMail):
    action = Action.MAIL_CANCEL


@dataclass(frozen=True, slots=True, kw_only=True)
class TakeBack(ActionRequest):
    """What was written last, and has not left yet."""

    action = Action.TAKE_BACK


@dataclass(frozen=True, slots=True, kw_only=True)
class Call(ActionRequest):
    action = Action.CALL
    outcome: CallOutcome
    heard: Mapping[Asked, Heard] = field(default_factory=dict)
    text: str = ""


REQUESTS: Mapping[Action, type[ActionRequest]] = {
    kind.action: kind
    for kind in (
        *(Take, Give, PutBack, Assign, Note, Reply, ReplyAndClose, Ask, RefuseNamed, RefuseGeneric, AcceptA, AcceptB),
        *(ConfirmB, WithdrawB, Stop, Release, OutOfQuarantine, OutOfLimit, Close, Reopen, AnswerComplaint, Merge),
        *(Split, Link, MailRetry, MailHold, MailCancel, TakeBack, Call),
    )
}
"""Action → what it is asked with."""
