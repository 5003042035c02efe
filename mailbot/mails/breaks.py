"""Breaks of a service (KOMUNIKATY, seed 001) as a mail tells them."""

from __future__ import annotations

from collections.abc import Iterator

from mailbot.errors import TemplateError
from mailbot.mails import wording
from mailbot.mails.letter import Letter
from mailbot.ruleset.model import Notice, Window


def sentences(letter: Letter) -> str:
    """What is out of order now and until when, a line for each break; empty without one."""
    form = (
        "Maintenance work is going on: the system {} is not available until {}."
        if letter.language == "en"
        else "Trwają prace serwisowe: system {} jest niedostępny do {}."
    )
    now_open = ((n, w) for n in letter.breaks for w in n.windows if w.start <= letter.now < w.end)
    return "\n".join(form.format(n.system, wording.moment(w.end, letter.language)) for n, w in now_open)


def system(letter: Letter) -> str:
    """What the announced break is a break of. Raises TemplateError without one, as the two below."""
    return _announced(letter)[0].system


def day(letter: Letter) -> str:
    """The day on which its next window begins, or the one that is open began."""
    return wording.day(_announced(letter)[1][0].start, letter.language)


def windows(letter: Letter) -> str:
    """Its windows that are not over yet, a list item each: hours alone where both ends lie on that ``day``."""
    first, second = ("from", "to") if letter.language == "en" else ("od", "do")
    return "\n".join(f"– {first} {start} {second} {end}" for start, end in _ends(letter, day(letter)))


def _ends(letter: Letter, named: str) -> Iterator[tuple[str, str]]:
    language = letter.language
    for window in _announced(letter)[1]:
        if {wording.day(window.start, language), wording.day(window.end, language)} == {named}:
            yield wording.hour(window.start), wording.hour(window.end)
        else:
            yield f"{wording.moment(window.start, language)},", wording.moment(window.end, language)


def _announced(letter: Letter) -> tuple[Notice, list[Window]]:
    """The first notice that is not over, and its windows that are not, in their order."""
    for notice in letter.breaks:
        coming = sorted((w for w in notice.windows if w.end > letter.now), key=lambda w: w.start)
        if coming:
            return notice, coming
    raise TemplateError(f"{letter.ticket}: a mail about a break was asked for, and there is none")
