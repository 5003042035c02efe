"""Breaks of a service (KOMUNIKATY, seed 001) as a mail tells them."""

from __future__ import annotations

from collections.abc import Iterator

from mailbot.errors import TemplateError
from mailbot.mails import wording
from mailbot.mails.context import MailContext
from mailbot.ruleset.model import Language, Notice, Window


def sentences(context: MailContext, language: Language) -> str:
    """What is out of order now and until when, a line for each break; empty without one."""
    now_open = ((n, w) for n in context.breaks for w in n.windows if w.start <= context.now < w.end)
    form = language.forms["break"]
    return "\n".join(form.format(system=n.system, until=wording.moment(w.end, language)) for n, w in now_open)


def system(context: MailContext) -> str:
    """What the announced break is a break of. Raises TemplateError without one, as the two below."""
    return _announced(context)[0].system


def day(context: MailContext, language: Language) -> str:
    """The day on which its next window begins, or the one that is open began."""
    return wording.day(_announced(context)[1][0].start, language)


def windows(context: MailContext, language: Language) -> str:
    """Its windows that are not over yet, a list item each: hours alone where both ends lie on that ``day``."""
    ends = _ends(context, language, day(context, language))
    return "\n".join(f"– {language.forms['window'].format(start=start, end=end)}" for start, end in ends)


def _ends(context: MailContext, language: Language, named: str) -> Iterator[tuple[str, str]]:
    for window in _announced(context)[1]:
        if {wording.day(window.start, language), wording.day(window.end, language)} == {named}:
            yield wording.hour(window.start), wording.hour(window.end)
        else:
            yield f"{wording.moment(window.start, language)},", wording.moment(window.end, language)


def _announced(context: MailContext) -> tuple[Notice, list[Window]]:
    """The first notice that is not over, and its windows that are not, in their order."""
    for notice in context.breaks:
        coming = sorted((w for w in notice.windows if w.end > context.now), key=lambda w: w.start)
        if coming:
            return notice, coming
    raise TemplateError(f"{context.ticket}: a mail about a break was asked for, and there is none")
