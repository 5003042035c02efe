"""One outgoing mail from end to end: letter → variables → template → bytes."""

from __future__ import annotations

from dataclasses import replace

from mailbot.errors import RulesError, TemplateError
from mailbot.mails import proof
from mailbot.mails.compose import Heading, message
from mailbot.mails.context import variables
from mailbot.mails.letter import Letter, Office
from mailbot.mails.templates import Templates
from mailbot.mails.wording import WARSAW
from mailbot.model import MailKind, OutgoingMail
from mailbot.ruleset.model import Ruleset

_ANSWERS = frozenset({MailKind.T1, MailKind.T4, MailKind.T5, MailKind.T7, MailKind.T15})
"""Automatic answers: auto-replied and from the null reverse-path (RFC 3834 §3.3, §5). The others are notices of their
own (auto-generated), and their bounces must come back to us."""

_AFTER_REGISTRATION = frozenset({MailKind.T2A, MailKind.T2B, MailKind.T3, MailKind.T4, MailKind.T5})
"""Mails whose thread holds T1, so that the number leads to all of them (domain.md §4)."""

_TO_OLD_LOGIN = frozenset({MailKind.T14, MailKind.T19})
"""Mails to an address that did not write to us: they must tell nothing of the one that did, not even the Message-ID of
its mail (domain.md §3.6)."""

ONCE_A_DAY = frozenset({MailKind.T15, MailKind.T18})
"""Mails that a ticket may have more than one of, on different days. Every other kind goes out once."""


class Writer:
    """Writes the mails of one installation with one rule set. Immutable, may be shared between threads."""

    def __init__(self, ruleset: Ruleset, office: Office) -> None:
        """Compiles and proofreads every template. Raises RulesError with every mistake, one a line."""
        found = proof.mistakes(ruleset)
        if found:
            raise RulesError("\n".join(found))
        self._ruleset = ruleset
        self._office = office
        self._templates = Templates(ruleset)

    def outgoing(self, kind: MailKind, letter: Letter) -> OutgoingMail:
        """The mail, rendered to bytes. The same letter always gives the same bytes. Raises TemplateError."""
        office = self._office
        if kind in _TO_OLD_LOGIN:
            if letter.old_login is None:
                raise TemplateError(f"{letter.ticket}: {kind} was asked for without the old login")
            letter = replace(letter, recipient=letter.old_login, in_reply_to=None, references=())
        subject, text = self._templates.render(kind, variables(kind, letter, self._ruleset, office))
        registration = self.message_id(MailKind.T1, letter.ticket) if kind in _AFTER_REGISTRATION else None
        thread = [*letter.references, letter.in_reply_to, registration]
        heading = Heading(
            sender_name=office.name,
            sender=office.address,
            recipient=letter.recipient,
            subject=subject,
            date=letter.now.astimezone(WARSAW),
            message_id=self.message_id(kind, letter.ticket, f".{letter.now:%Y%m%d}" if kind in ONCE_A_DAY else ""),
            auto_submitted="auto-replied" if kind in _ANSWERS else "auto-generated",
            loop_mark=office.helpdesk,
            in_reply_to=letter.in_reply_to,
            references=tuple(i for i in thread if i),
        )
        return OutgoingMail(
            kind=kind,
            recipient=letter.recipient,
            return_path="" if kind in _ANSWERS else letter.bounce_address,
            message_id=heading.message_id,
            raw=message(heading, text),
        )

    def message_id(self, kind: MailKind, ticket: str, day: str = "") -> str:
        """<zgl0000001.t1@domain>, with the day where there may be more; known beforehand, the same at every try."""
        return f"<{ticket.lower()}.{kind.lower()}{day}@{self._office.domain}>"
