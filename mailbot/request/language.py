"""In which language a mail is written: Polish, unless it clearly is another one of the rule set."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from mailbot.request.characters import word_set
from mailbot.ruleset.model import Language
from mailbot.ruleset.sayings import Sentences

POLISH, ENGLISH = "pl", "en"

_LEAST = 3
"""Telling words below which a text is too short to tell."""
_POLISH = word_set(
    """
    nie sie jest sa byl byla mam mamy moje moj moja mojego mojej konto konta haslo hasla prosze prosba prosimy dzien
    dobry witam czy jak jaki jakie ktory ktora ktore oraz lub ale bo ze zeby aby dla przez przy pod nad mnie mi nam nas
    pan pani panstwo szanowni dziekuje pozdrawiam powazaniem moge mozna chce chcialbym chcialabym usuniecie pamietam
    """
)
_LETTERS = re.compile(r"[ąćęłńśźżĄĆĘŁŃŚŹŻ]\w*")
"""The rest of a word from its first letter that only Polish has (ó has its place in other languages)."""
_CHANNEL = "notification"


def read(subject: Sequence[str], sentences: Sentences, text: str, languages: Mapping[str, Language]) -> str:
    """The code of the language: one of ``languages`` (rules/languages), or Polish.

    ``subject``: folded words of the subject; ``sentences``: of the citizen's new text; ``text``: the same as written.
    The word NOTIFICATION is that of the English page (procedure §1.7), so it stands for English where the text does
    not say otherwise. A name or a place with Polish letters does not make a text Polish.
    """
    said = [word for sentence in sentences for word in sentence]
    words = [*subject, *said]
    if is_polish(words) or len(_LETTERS.findall(text)) * 5 > len(words):
        return POLISH
    if _CHANNEL in subject[:2] and ENGLISH in languages:
        return ENGLISH
    sure = {code: hits for code, one in languages.items() if (hits := _hits(words, text, one))}
    best = max(sure.values(), default=0)
    likeliest = [code for code, hits in sure.items() if hits == best]
    return likeliest[0] if len(likeliest) == 1 else POLISH


def is_polish(words: Iterable[str]) -> bool:
    """Whether one of the folded words is Polish for certain."""
    return not _POLISH.isdisjoint(words)


def _hits(words: Sequence[str], text: str, language: Language) -> int:
    """Words of the text that tell ``language``; 0 where they are too few to be sure."""
    known = _count(words, language.words)
    lettered = len(re.findall(rf"\b\w*[{re.escape(language.letters)}]", text.lower())) if language.letters else 0
    sure = known - _count(words, language.shared) >= _LEAST and known * 4 >= len(words)
    return max(known, lettered) if sure or (lettered >= _LEAST and lettered * 5 > len(words)) else 0


def _count(words: Iterable[str], known: frozenset[str]) -> int:
    return sum(map(known.__contains__, words))
