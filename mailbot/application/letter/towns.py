"""Which words name a town, by the dictionary of Polish (text.polish). Pure."""

from __future__ import annotations

from mailbot.request.characters import word_set
from mailbot.text.polish import senses
from mailbot.text.unicode import flat

_GEOGRAPHIC = frozenset({"nazwa_geograficzna", "człon_nazwy_geograficznej"})
_GIVEN = "imię"
_OF_TOWNS = word_set(
    """
    nowy nowa nowe stary stara stare bialy biala biale czarny czarna czarne dluga zielony zielona jelenia ruda
    suchy sucha wysoka wysokie wielki wielka wielkie maly mala male dolny dolna dolne gorny gorna gorne duzy
    duza zloty zlota swiety swieta gornicza stalowa lysa krasna dobra kamienna boza
    """
)
"""Adjectives in names of towns, without diacritics."""
_OF_REGIONS = ("ski", "ska", "skie", "cki", "cka", "ckie", "dzki", "dzka", "dzkie")


def is_town(name: str) -> bool:
    """Whether ``name``, capitalised, may be that of a town, and nobody's: "Nowy Sącz", "Maków Mazowiecki"."""
    words = name.split()
    if not any(map(_is_geographic, words)):
        return False
    return len(words) == 1 or (all(map(_in_town, words)) and not _is_given(words[0]))


def _in_town(word: str) -> bool:
    """Whether ``word`` may be one of several of a name: "Nowy", "Sącz", "Mazowiecki", and not "Teatralny"."""
    if any(sense.part in ("adj", "ppas", "pact") for sense in senses(word)):
        return flat(word) in _OF_TOWNS or flat(word).endswith(_OF_REGIONS)
    return _is_geographic(word)


def _is_geographic(word: str) -> bool:
    return any(_GEOGRAPHIC & sense.kinds for sense in senses(word))


def _is_given(word: str) -> bool:
    return any(_GIVEN in sense.kinds and sense.lemma == flat(word) for sense in senses(word))
