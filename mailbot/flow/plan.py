"""What becomes of one message, before there is a number for its ticket. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from mailbot.flow.decision import is_moved_by_check
from mailbot.flow.facts import must_be_checked, needs_check
from mailbot.flow.lookup import Assessment
from mailbot.model import Duplicate, EarlierCopy, MailKind, Outcome, Understanding
from mailbot.tickets import sla

_ANSWERS = {
    Outcome.TICKET_UPDATE: "answered-by-citizen",
    Outcome.COMPLAINT_OK: "complaint",
    Outcome.COMPLAINT_LATE: "complaint-late",
}
"""Outcomes of mail that belongs to the sender's own ticket → name of the event."""
_HELD_FAST = frozenset(
    {
        *(Outcome.OK_A, Outcome.OK_B, Outcome.REVIEW, Outcome.RATE_LIMITED, Outcome.DUPLICATE, Outcome.ZGL_FOREIGN),
        *(Outcome.TICKET_UPDATE, Outcome.COMPLAINT_OK, Outcome.NEW_OK, Outcome.GENERAL),
    }
)
"""Outcomes with which a letter is granted, or with a person."""
_SETTLED = frozenset({Outcome.OK_A, Outcome.REJ_FORMAL})
"""Outcomes that the sentence of case A may have without a look at its files. An answer that who has no account gets,
too, must not come sooner than his, and a person who decides shall see what the files are."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What becomes of one message. ticket_id: the ticket it joins; below 0: one that the batch opens (BatchRows.real);
    None: it has none. clocks: None when it is not answered. returned: see ``came_back``."""

    inbox_id: int
    assessment: Assessment
    ticket_id: int | None
    what: str = ""
    clocks: sla.Clocks | None = None
    returned: tuple[int, str] | None = None

    @property
    def u(self) -> Understanding:
        """What the message says."""
        return self.assessment.u

    @property
    def opens(self) -> bool:
        """A ticket of its own; ``what`` names what joins another one."""
        return self.clocks is not None and not self.what

    @property
    def grants(self) -> bool:
        """A link is made."""
        answered = self.clocks is not None and self.assessment.found.account is not None
        return answered and MailKind.T3 in self.assessment.decision.mails


def waits_for_check(assessment: Assessment) -> bool:
    """Whether the files must be checked before the mail is decided. Under the sentence of case A they mean nothing from
    an account's login: where no rule in force asks for them, it is decided without."""
    u, facts = assessment.u, assessment.facts
    if not needs_check(u):
        return False
    if must_be_checked(u) or facts.account == "unknown":
        return True
    return assessment.decision.outcome not in _SETTLED or is_moved_by_check(assessment.decision, facts)


def is_settled(copy: EarlierCopy, outcome: Outcome) -> bool:
    """Whether a letter that would come to ``outcome`` needs nothing of its own, since another copy of it came. One that
    a machine refused or answered may have lacked what the road had taken out of it; a second refusal is none."""
    return (copy.outcome in _HELD_FAST and copy.ticket_id is not None) or copy.outcome is outcome


def needs_none(assessment: Assessment) -> bool:
    """A machine's mail, unsolicited mail, or a copy of one. What a rule calls a repeat although nothing like it came
    before needs one: a person wrote it, and nobody would ever see it."""
    outcome, seen = assessment.decision.outcome, assessment.found.seen
    repeats = outcome is Outcome.DUPLICATE and seen.duplicate is not Duplicate.NO
    return repeats or outcome in (Outcome.NO_REPLY, Outcome.SPAM)


def joined(assessment: Assessment) -> tuple[int | None, str]:
    """The ticket that the message belongs to already, and what its joining is called; None: it needs one of its own."""
    outcome, found = assessment.decision.outcome, assessment.found
    thread = found.history.thread
    if outcome is Outcome.DUPLICATE:
        return found.seen.ticket_id, "repeated"
    if outcome is Outcome.RATE_LIMITED:
        return found.held, "over-limit"
    if outcome in _ANSWERS and thread is not None:
        return thread.ticket_id, _ANSWERS[outcome]
    return None, ""
