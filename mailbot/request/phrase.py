"""What the body asks: which sentence, for whom, born when, and what is missing (procedure §1.1, §3.1)."""

from __future__ import annotations

import re

from mailbot.model import Defect, Phrase, Request
from mailbot.request.characters import flat, visible, word_set
from mailbot.request.person import NameAndYear, cut_closing, read_person
from mailbot.request.sentence import PhraseMatch, sentences
from mailbot.request.vocabulary import NOT_ASKED, WITHDRAWN, Hint

_MOST_SENTENCES = 20
_LONGEST = 5_000
"""Characters of a letter in which somebody may say that he does not ask."""
_GREETING = word_set("dzien dobry witam szanowni nazywam sie jestem ja niniejszym")
_SAYS_ANYTHING = re.compile(r"[^\W_]")
_WORD = re.compile(r"[^\W\d_]+")
_PRONOUN = re.compile(r"\W*(mnie|siebie)\b", re.IGNORECASE)
_LAST_WORDS = 300
"""Characters in front of the sentence in which data may stand that belong to it."""


def read(text: str, *, attachments: bool) -> Request:
    """The request in ``text``: what the person wrote, quotes and phone signatures already cut, lines ended by \\n.

    ``attachments``: whether any file is attached. Defects are complete and in the order of rules/defects.yaml.
    """
    text = visible(text)
    if not _SAYS_ANYTHING.search(text):
        return Request(None, (), None, (Defect.EMPTY,))
    places = _places(text)
    if not places:
        return Request(None, (), None, (Defect.PHRASE_MISSING,))
    read_places = [(place, read_person(text[place.end : end])) for place, end in places]
    filled = [(place, person) for place, person in read_places if person.names or person.years]
    place, person = (filled or read_places)[0]
    phrase = _phrase([one.phrase for one, _ in filled] or [place.phrase], attachments=attachments)
    person.several |= any(_differ(person, other) for _, other in filled[1:])
    defects = _defects(person)
    if defects == [Defect.NAME_MISSING, Defect.YEAR_MISSING] and (elsewhere := _elsewhere(text, *places[0])):
        person, defects = elsewhere, []
    if not defects and (word := _withdrawn(flat(text), place)):
        person.names.insert(0, word)  # no comparison can end better than in doubt
    if phrase is Phrase.B and not attachments:
        defects.append(Defect.ATTACHMENT_MISSING)
    return Request(phrase, tuple(person.names), person.year, tuple(defects))


def _places(text: str) -> list[tuple[PhraseMatch, int]]:
    """Each sentence with the end of the text that belongs to it."""
    found = [place for place, _ in zip(sentences(flat(text)), range(_MOST_SENTENCES), strict=False)]
    ends = [place.start for place in found[1:]] + [len(text)]
    return list(zip(found, ends, strict=False))


def _phrase(said: list[Phrase], *, attachments: bool) -> Phrase:
    """The sentence that carries the data. When both do, B without a file would help nobody, A with one neither."""
    if len(set(said)) == 1:
        return said[0]
    return Phrase.B if attachments else Phrase.A


def _withdrawn(low: str, place: PhraseMatch) -> str | None:
    """A word that leaves it in doubt whether the writer asks at all: "nie proszę o …", "anuluję prośbę: …"."""
    found = NOT_ASKED.search(low[max(0, place.start - 10) : place.start]) or WITHDRAWN.search(low[:_LONGEST])
    return found and _WORD.findall(found[0])[0]


def _differ(one: NameAndYear, other: NameAndYear) -> bool:
    """Whether two filled sentences are about two people."""
    years = one.year and other.year and one.year != other.year
    return bool(years) or [flat(word) for word in one.names] != [flat(word) for word in other.names]


def _defects(person: NameAndYear) -> list[Defect]:
    """What is missing behind the sentence; a hint that was left stands for the data it asks for."""
    hint = person.hint
    if Hint.DOTS in hint and not person.names and not person.years:
        hint |= Hint.NAME | Hint.YEAR
    no_name = not person.named
    no_year = person.year is None and not (person.several and person.years)
    left = Hint(0)
    if no_name:
        left |= hint & Hint.NAME
    if no_year:
        left |= hint & Hint.YEAR
    found = [Defect.PLACEHOLDER] if left else []
    if no_name and Hint.NAME not in left:
        found.append(Defect.NAME_MISSING)
    if no_year and Hint.YEAR not in left:
        found.append(Defect.YEAR_MISSING)
    if person.several:
        found.append(Defect.TWO_PERSONS)
    return found


def _elsewhere(text: str, place: PhraseMatch, end: int) -> NameAndYear | None:
    """Name and year in front of an empty sentence ("Jan Kowalski, 1980. Proszę o ... dla mnie") or under the letter.

    They are most likely meant, but they do not stand where the card wants them: the first word of the name becomes the
    word that does stand there, so that no comparison can end better than in doubt.
    """
    region = text[place.end : end]
    pronoun = _PRONOUN.match(region)
    closing = region[len(cut_closing(region)) :]
    for source in (text[max(0, place.start - _LAST_WORDS) : place.start], closing.partition("\n")[2]):
        person = read_person(source)
        words = [word for word in person.names if flat(word) not in _GREETING]
        if 2 <= len(words) <= 4 and person.year is not None and not person.several:
            person.names = [pronoun[1] if pronoun else "dla", *words]
            return person
    return None
