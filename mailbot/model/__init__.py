"""The values that travel along the flow. All are frozen; none does I/O.

Names follow the standards: envelope (RFC 5321), header and mailbox (RFC 5322), authentication results (RFC 8601).
The spelling of outcomes, states and defects is the contract of docs/flow.md.
"""

from __future__ import annotations

from mailbot.model.application import Account, AccountStatus, Applicant, ApplicationCheck, ApplicationState, Match, View
from mailbot.model.decision import (
    Decision,
    Desk,
    Duplicate,
    DuplicateCheck,
    EarlierCopy,
    MailKind,
    Outcome,
    OutgoingMail,
    State,
    Thread,
    TraceStep,
)
from mailbot.model.facts import Facts
from mailbot.model.message import (
    Attachment,
    Authentication,
    AuthResult,
    Automatic,
    Envelope,
    Header,
    InboundMessage,
    RawMessage,
    Sender,
    Source,
    may_move,
    oversized,
)
from mailbot.model.operator import Operator, Role
from mailbot.model.request import (
    REQUIRED_SUBJECT,
    SENTENCES,
    Defect,
    Difference,
    Phrase,
    Request,
    Subject,
    SubjectClass,
)
from mailbot.model.understanding import Identity, Understanding

__all__ = [
    "REQUIRED_SUBJECT",
    "SENTENCES",
    "Account",
    "AccountStatus",
    "Applicant",
    "ApplicationCheck",
    "ApplicationState",
    "Attachment",
    "AuthResult",
    "Authentication",
    "Automatic",
    "Decision",
    "Defect",
    "Desk",
    "Difference",
    "Duplicate",
    "DuplicateCheck",
    "EarlierCopy",
    "Envelope",
    "Facts",
    "Header",
    "Identity",
    "InboundMessage",
    "MailKind",
    "Match",
    "Operator",
    "Outcome",
    "OutgoingMail",
    "Phrase",
    "RawMessage",
    "Request",
    "Role",
    "Sender",
    "Source",
    "State",
    "Subject",
    "SubjectClass",
    "Thread",
    "TraceStep",
    "Understanding",
    "View",
    "may_move",
    "oversized",
]
