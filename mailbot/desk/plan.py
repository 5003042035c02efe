"""What an action comes to: a plan of everything that will be written, or a refusal that names the way. Values only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from mailbot.desk.requests import Action, ActionRequest, File
from mailbot.desk.view import Applied, Happened, TicketView
from mailbot.model import Defect, MailKind, State


class ClockChange(StrEnum):
    """What an action does to the promise of a ticket."""

    KEEP = "keep"
    ENDS = "ends"
    """Nobody waits any more: the alarm is off."""
    ANEW = "anew"
    """A new promise, by the service of the ticket, from now."""
    WAITS = "waits"
    """For the citizen, until the day our question names."""


class Wait(StrEnum):
    """How long a mail stays in the outbox before it may leave."""

    NONE = "none"
    TAKE_BACK = "take-back"
    """[desk] take_back_seconds."""
    REFUSAL = "refusal"
    """The random delay of the machine's generic refusals: the time of one tells nothing."""
    HOLD = "hold"
    """[case_b] hold_hours behind the warning of the old login."""


class OutboxChange(StrEnum):
    """What happens to a mail that is in the outbox already."""

    RETRY = "retry"
    HOLD = "hold"
    CANCEL = "cancel"


class Effect(StrEnum):
    """What else happens, by the same code as when the machine does it."""

    NONE = ""
    FREEZE = "freeze"
    """tickets.hold: the link is dead, its mails stay."""
    RELEASE = "release"
    """tickets.release."""
    END = "end"
    """The link is dead for good."""
    AGAIN = "again"
    """The letters of the ticket are decided again."""
    MERGE = "merge"
    SPLIT = "split"
    SEE = "see"
    TAKE_BACK = "take-back"


@dataclass(frozen=True, slots=True)
class PlannedMail:
    """A mail to be written. ``follows``: not before the one before it was accepted (the mails of a grant)."""

    kind: MailKind
    recipient: str
    wait: Wait = Wait.NONE
    text: str = ""
    files: tuple[File, ...] = ()
    defects: tuple[Defect, ...] = ()
    details: Mapping[str, str] = field(default_factory=dict)
    follows: bool = False


@dataclass(frozen=True, slots=True)
class PlannedGrant:
    """A link to be made. ``login``: of the account; ``new_login``: case B, the address that becomes it."""

    login: str
    new_login: str | None = None
    application: Applied | None = None
    """The one it is granted on: never again."""


@dataclass(frozen=True, slots=True)
class Half:
    """What becomes of accept-b: first (a second person is wanted), confirmed, refused, stale."""

    ended: str
    digest: str = ""


@dataclass(frozen=True, slots=True)
class ActionPlan:
    """What will be written, all in one transaction."""

    action: Action
    event: str
    """Kind of the event."""
    state: State
    desk: str
    owner: str | None
    category: str
    clock: ClockChange = ClockChange.KEEP
    detail: Mapping[str, str | int] = field(default_factory=dict)
    """Codes, names of operators and numbers: no word of a citizen."""
    texts: tuple[tuple[str, str], ...] = ()
    """(kind, words of the person): sealed, beside the event."""
    mails: tuple[PlannedMail, ...] = ()
    steps: tuple[tuple[int, OutboxChange], ...] = ()
    """(row of the outbox, what becomes of it)."""
    grant: PlannedGrant | None = None
    half: Half | None = None
    effect: Effect = Effect.NONE
    other: str = ""
    """Number of the other ticket, of merge and link."""
    letters: tuple[int, ...] = ()
    """Rows of the inbox, of effects that move them."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why nothing was done: desk.refusals has the sentence of ``code``, which names the way."""

    code: str
    values: Mapping[str, str] = field(default_factory=dict)
    since: tuple[Happened, ...] = ()
    """For "changed": what others did meanwhile, with their words."""


def plan_of(case: TicketView, request: ActionRequest, event: str, **changes: Any) -> ActionPlan:
    """A plan that changes nothing of the ticket but what ``changes`` name."""
    same = {"state": case.state, "desk": case.desk, "owner": case.owner, "category": case.category}
    return ActionPlan(**{"action": request.action, "event": event, **same, **changes})
