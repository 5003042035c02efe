"""One outgoing mail from end to end: context → variables → template → bytes."""

from __future__ import annotations

from dataclasses import replace

from mailbot.clocks import WARSAW
from mailbot.errors import RulesError, TemplateError
from mailbot.mails import proof, thread
from mailbot.mails.body import Bodies
from mailbot.mails.compose import Heading, message
from mailbot.mails.context import Enclosure, MailContext, Office
from mailbot.mails.templates import Templates
from mailbot.mails.variables import needs_form, variables
from mailbot.model import MailKind, OutgoingMail
from mailbot.ruleset import languages
from mailbot.ruleset.model import Ruleset

_NOTICES = frozenset({MailKind.T2A, MailKind.T2B, MailKind.T3, MailKind.T12, MailKind.T14, MailKind.T19})
"""Notices of their own (auto-generated), whose bounces must come back to us. All others are automatic answers:
auto-replied and from the null reverse-path (RFC 3834 §3.3, §5)."""

_AFTER_REGISTRATION = frozenset({MailKind.T2A, MailKind.T2B, MailKind.T3, MailKind.T4, MailKind.T5})
"""Mails whose thread holds T1, so that the number leads to all of them (procedure §4)."""

_TO_OLD_LOGIN = frozenset({MailKind.T14, MailKind.T19})
"""Mails to an address that did not write to us: they must tell nothing of the one that did, not even the Message-ID of
its mail (procedure §3.6)."""

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
        self._bodies = Bodies(self._templates)
        self._languages = {code: languages.of(ruleset, code) for code in ("pl", *ruleset.translations)}

    def outgoing(self, kind: MailKind, context: MailContext) -> OutgoingMail:
        """The mail, rendered to bytes. The same letter always gives the same bytes. Raises TemplateError."""
        office = self._office
        language = self._templates.language(kind, context.language)
        if kind in _TO_OLD_LOGIN:
            if context.old_login is None:
                raise TemplateError(f"{context.ticket}: {kind} was asked for without the old login")
            context = replace(context, recipient=context.old_login, in_reply_to=None, references=())
        values = variables(kind, context, self._languages[language], self._ruleset, office)
        title, body = self._bodies.write(kind, language, values)
        registration = self._first_id(context) if kind in _AFTER_REGISTRATION else None
        chain = [*context.references, context.in_reply_to, registration]
        heading = Heading(
            sender_name=office.name,
            sender=office.address,
            recipient=context.recipient,
            subject=title,
            date=context.now.astimezone(WARSAW),
            message_id=self._message_id(kind, context),
            auto_submitted=_written_by(kind),
            loop_mark=office.helpdesk,
            in_reply_to=context.in_reply_to,
            references=tuple(i for i in chain if i),
            language=language,
        )
        return OutgoingMail(
            kind=kind,
            recipient=context.recipient,
            return_path=context.bounce_address if kind in _NOTICES or kind.by_hand else "",
            message_id=heading.message_id,
            raw=message(heading, body, self._enclosures(kind, context)),
        )

    def _enclosures(self, kind: MailKind, context: MailContext) -> tuple[Enclosure, ...]:
        form = self._office.form if needs_form(kind, context) else None
        return (*((Enclosure(form[0], "application/pdf", form[1]),) if form else ()), *context.files)

    def _first_id(self, context: MailContext) -> str:
        """Of the registration that opened the ticket."""
        return thread.message_id(MailKind.T1, context.ticket, context.token, self._office.domain)

    def _message_id(self, kind: MailKind, context: MailContext) -> str:
        which = f"{context.now:%Y%m%d}" if context.joins or kind in ONCE_A_DAY else ""
        which = context.nth or which
        if kind is MailKind.T3 and context.again:
            which = f"{context.now:%Y%m%d-%H%M%S}"
        if kind is MailKind.T12:  # a ticket may be told of several breaks
            which = context.breaks[0].name
        return thread.message_id(kind, context.ticket, context.token, self._office.domain, which)


def _written_by(kind: MailKind) -> str:
    """Auto-Submitted (RFC 3834 §5): a person wrote what a person wrote."""
    if kind.by_hand:
        return "no"
    return "auto-generated" if kind in _NOTICES else "auto-replied"
