"""What a mail outside the special procedure is about: topic, service, question, language (procedure §3.2, rows 8-16).

When in doubt nothing is said: a wrong answer of a machine is worse than a person who reads the mail.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import islice

from mailbot.model import Subject, SubjectClass
from mailbot.request import language, sentence
from mailbot.request.characters import flat, visible
from mailbot.request.farewell import up_to_the_name, without_name
from mailbot.request.subject import without_prefix
from mailbot.ruleset.model import Faq, FaqEntry, Ruleset, Service, Topic
from mailbot.ruleset.sayings import LONGEST_TEXT, Saying, plain, sentences, words

NONE = "none"
SEVERAL = "several"
UNSURE = "unsure"
SURE = "sure"

_CHANNEL = frozenset({"nowe", "notification", "zgloszenie", "new"})
_NUMBER = re.compile(r"zgl|(?:zgl)?[0-9]{6,10}")
_OURS = re.compile(r"(ZGL[0-9]{6,10}) –|PUESC: Zmiana adresu email\Z")
"""How the titles of our own mails begin (rules/mails): in a reply they are our words and not the citizen's."""
_BEGINNING = 300
"""Characters in which a Polish letter has said a Polish word."""
_LONGEST_LINE = 200
_MOST_SENTENCES = 20


@dataclass(frozen=True, slots=True)
class TopicFacts:
    """What subject and text are about; the words are those of the facts of the same names."""

    topic: str
    service: str
    faq: str
    answer: FaqEntry | None
    """Not None exactly when ``faq`` is "sure"."""
    system: Faq | None
    """Whose questions they are; None exactly when ``faq`` is "none"."""
    language: str


NOTHING_SAID = TopicFacts(NONE, NONE, NONE, None, None, language.POLISH)


def read(subject: Subject, text: str, ruleset: Ruleset) -> TopicFacts:
    """What ``subject`` and ``text`` are about. ``text``: what the person wrote in this mail, without quotes.

    Linear in the text, whatever the rules say; only its first ``LONGEST_TEXT`` characters count.
    """
    text = text[:LONGEST_TEXT]
    title = plain(_own_title(subject))
    flat_text = plain(text)
    said = sentences(flat_text)
    found = ruleset.book.found([*sentences(title), *said])
    matter, answer, system = _question(ruleset.faqs, found)
    letter = up_to_the_name(text)
    fresh = words(title) if without_prefix(subject.text) == subject.text else ()
    heard = said if letter == text else sentences(plain(letter))
    return TopicFacts(
        topic=_topic(ruleset.topics, found, said, text, fresh),
        service=_service(ruleset.services.values(), _without_channel(title, subject), flat_text),
        faq=matter,
        answer=answer,
        system=system,
        language=language.read(words(title), heard, letter, ruleset.languages),
    )


def asked_in(text: str, ruleset: Ruleset) -> TopicFacts:
    """Of a mail of the special procedure nothing but the language: that of its text without the promised sentence."""
    text = visible(text[:LONGEST_TEXT])
    for place in reversed(list(islice(sentence.sentences(flat(text)), _MOST_SENTENCES))):
        text = f"{text[: place.start]}\n{text[place.end :]}"
    if language.is_polish(words(plain(text[:_BEGINNING].rpartition(" ")[0]))):
        return NOTHING_SAID
    text = up_to_the_name(text)
    return replace(NOTHING_SAID, language=language.read((), sentences(plain(text)), text, ruleset.languages))


def _own_title(subject: Subject) -> str:
    """The citizen's own words in the subject, without reply marks. Of the title of our mail the number is left."""
    own = without_prefix(subject.text)
    ours = _OURS.match(own) if own != subject.text else None
    return own if ours is None else ours[1] or ""


def _topic(
    topics: Iterable[Topic], found: frozenset[str], said: Sequence[Sequence[str]], text: str, fresh: Sequence[str]
) -> str:
    if not found:
        return NONE
    held = [topic for topic in topics if _holds(topic, found) and _is_all(topic, said, text, fresh)]
    names = {topic.name for topic in held}
    meant = [topic.name for topic in held if names.isdisjoint(topic.yields_to)]
    return (meant[0] if len(meant) == 1 else SEVERAL) if meant else NONE


def _holds(topic: Topic, found: frozenset[str]) -> bool:
    return (
        _any(topic.said, found) and (not topic.context or _any(topic.context, found)) and not _any(topic.unless, found)
    )


def _is_all(topic: Topic, said: Sequence[Sequence[str]], text: str, fresh: Sequence[str]) -> bool:
    """Whether the text holds nothing but the words of a topic that allows no others, and neither do the ``fresh`` words
    of a title: "Link nie działa" above "Dziękuję, pozdrawiam" is no thanks."""
    allowed = topic.nothing_but
    if allowed is None:
        return True
    rest = words(plain(without_name(text))) if said else ()
    titled = (word for word in fresh if not _NUMBER.fullmatch(word))
    return bool(rest) and all(word in allowed for word in (*rest, *titled))


def _question(faqs: Iterable[Faq], found: frozenset[str]) -> tuple[str, FaqEntry | None, Faq | None]:
    """Surely one question of one system, or perhaps one, or none."""
    asked = [(faq, _entries(faq, found)) for faq in faqs if found]
    asked = [(faq, entries) for faq, entries in asked if _any(faq.about, found) or _whole(entries, found)]
    if not asked:
        return NONE, None, None
    faq, entries = asked[0]
    if len(asked) == 1 and len(entries) == 1 and not _any(faq.unless, found):
        return SURE, entries[0], faq
    return UNSURE, None, faq


def _entries(faq: Faq, found: frozenset[str]) -> list[FaqEntry]:
    return [entry for entry in faq.entries if entry.question in found or _any(entry.said, found)]


def _whole(entries: Iterable[FaqEntry], found: frozenset[str]) -> bool:
    return any(entry.question in found for entry in entries)


def _any(sayings: Iterable[Saying], found: frozenset[str]) -> bool:
    return any(saying.text in found for saying in sayings)


def _without_channel(title: str, subject: Subject) -> tuple[str, ...]:
    said = words(title)
    if subject.kind not in (SubjectClass.NOWE, SubjectClass.NOWE_NEAR):
        return said
    start = next((i for i, word in enumerate(said) if word not in _CHANNEL), len(said))
    return said[start:]


def _service(services: Iterable[Service], title: tuple[str, ...], text: str) -> str:
    """The service whose title begins the subject, else stands on a line of the text and nothing else does."""
    known = {_title(t): service.name for service in services for t in service.titles}
    begun = [name for name in known if title[: len(name)] == name]
    if begun:
        return known[max(begun, key=len)]
    lines = (words(line) for line in text.split("\n") if 0 < len(line) <= _LONGEST_LINE)
    return next((known[line] for line in lines if line in known), NONE)


@lru_cache(maxsize=1024)
def _title(text: str) -> tuple[str, ...]:
    return words(plain(text))
