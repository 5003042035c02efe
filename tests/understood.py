"""Messages as they are understood, made without bytes: only what a test names differs from a plain mail."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from mailbot.model import (
    Authentication,
    AuthResult,
    Identity,
    InboundMessage,
    Request,
    Sender,
    Subject,
    SubjectClass,
    Understanding,
)
from mailbot.request.reference import tickets

RECEIVED = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)


def understood(
    sender: str | None = "jan.kowalski@wp.example",
    proof: AuthResult = AuthResult.PASS,
    *,
    subject: str = "Pytanie",
    in_reply_to: Sequence[str] = (),
    references: Sequence[str] = (),
    text: str = "",
) -> Understanding:
    """A mail from ``sender``; with ticket numbers in ``subject`` it is of the class ZGL."""
    message = InboundMessage((), subject, None, tuple(in_reply_to), tuple(references), None, text, "")
    named = tickets(subject)
    kind = SubjectClass.ZGL if named else SubjectClass.OTHER
    return Understanding(
        received_at=RECEIVED,
        message=message,
        sender=Sender(sender, None, Authentication(proof, "")),
        subject=Subject(kind, subject, tickets=named),
        request=Request(None, (), None, ()),
        identity=Identity("<m@x>", "f"),
    )
