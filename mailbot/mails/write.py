"""One outgoing mail from end to end: letter → variables → template → bytes."""

from __future__ import annotations

from dataclasses import replace

from mailbot.clocks import WARSAW
from mailbot.errors import RulesError, TemplateError
from mailbot.mails import proof, thread
from mailbot.mails.compose import Heading, message
from mailbot.mails.context import SET_OFF, needs_form, targets, variables
from mailbot.mails.letter import Enclosure, Letter, Office
from mailbot.mails.templates import Templates
from mailbot.model import MailKind, OutgoingMail
from mailbot.ruleset.model import Ruleset

_NOTICES = frozenset({MailKind.T2A, MailKind.T2B, MailKind.T3, MailKind.T12, MailKind.T14, MailKind.T19})
"""Notices of their own (auto-generated), whose bounces must come back to us. All others are automatic answers:
auto-replied and from the null reverse-path (RFC 3834 §3.3, §5)."""

_AFTER_REGISTRATION = frozenset({MailKind.T2A, MailKind.T2B, MailKind.T3, MailKind.T4, MailKind.T5})
"""Mails whose thread holds T1, so that the number leads to all of them (domain.md §4)."""

_TO_OLD_LOGIN = frozenset({MailKind.T14, MailKind.T19})
"""Mails to an address that did not write to us: they must tell nothing of the one that did, not even the Message-ID of
its mail (domain.md §3.6)."""

ONCE_A_DAY = frozenset({MailKind.T9, MailKind.T10, MailKind.T15, MailKind.T18})
"""Mails that a ticket may have more than one of, on different days. Every other kind goes out once, unless a rule sends
it for a mail that joins the ticket: then it goes out once a day as well."""


class Writer:
    """Writes the mails of one installation with one rule set. Immutable, may be shared between threads."""

    def __init__(self, ruleset: Ruleset, office: Office) -> None:
        """Compiles and proofreads every template. Raises RulesError with every mistake, one a line."""
        found = proof.mistakes(ruleset)
        if found:
            raise RulesError("\n".join(map(str, found)))
        self._ruleset = ruleset
        self._office = office
        self._templates = Templates(ruleset)

    def outgoing(self, kind: MailKind, letter: Letter) -> OutgoingMail:
        """The mail, rendered to bytes. The same letter always gives the same bytes. Raises TemplateError."""
        office = self._office
        letter = replace(letter, language=self._templates.language(kind, letter.language))
        if kind in _TO_OLD_LOGIN:
            if letter.old_login is None:
                raise TemplateError(f"{letter.ticket}: {kind} was asked for without the old login")
            letter = replace(letter, recipient=letter.old_login, in_reply_to=None, references=())
        values = variables(kind, letter, self._ruleset, office)
        subject, text = self._templates.render(kind, letter.language, values)
        opened = replace(letter, joins=False, nth="")
        registration = self._message_id(MailKind.T1, opened) if kind in _AFTER_REGISTRATION else None
        chain = [*letter.references, letter.in_reply_to, registration]
        heading = Heading(
            sender_name=office.name,
            sender=office.address,
            recipient=letter.recipient,
            subject=subject,
            date=letter.now.astimezone(WARSAW),
            message_id=self._message_id(kind, letter),
            auto_submitted=_written_by(kind),
            loop_mark=office.helpdesk,
            in_reply_to=letter.in_reply_to,
            references=tuple(i for i in chain if i),
            language=letter.language,
            strong=tuple(values[name] for name in SET_OFF if name in values),
            links=targets(values),
        )
        return OutgoingMail(
            kind=kind,
            recipient=letter.recipient,
            return_path=letter.bounce_address if kind in _NOTICES or kind.by_hand else "",
            message_id=heading.message_id,
            raw=message(heading, text, self._enclosures(kind, letter)),
        )

    def _enclosures(self, kind: MailKind, letter: Letter) -> tuple[Enclosure, ...]:
        form = self._office.form if needs_form(kind, letter) else None
        return (*((Enclosure(form[0], "application/pdf", form[1]),) if form else ()), *letter.files)

    def _message_id(self, kind: MailKind, letter: Letter) -> str:
        which = f"{letter.now:%Y%m%d}" if letter.joins or kind in ONCE_A_DAY else ""
        which = letter.nth or which
        if kind is MailKind.T3 and letter.again:
            which = f"{letter.now:%Y%m%d-%H%M%S}"
        if kind is MailKind.T12:  # a ticket may be told of several breaks
            which = letter.breaks[0].name
        return thread.message_id(kind, letter.ticket, letter.token, self._office.domain, which)


def _written_by(kind: MailKind) -> str:
    """Auto-Submitted (RFC 3834 §5): a person wrote what a person wrote."""
    if kind.by_hand:
        return "no"
    return "auto-generated" if kind in _NOTICES else "auto-replied"
