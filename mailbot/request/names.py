"""Is this the name of the account holder? Membership in a closed set of forms, never similarity (procedure §5.2)."""

from __future__ import annotations

import re
from functools import lru_cache
from itertools import chain, islice, product

from mailbot.model import Account, Match
from mailbot.request import declension
from mailbot.request.characters import fold, word_set
from mailbot.request.nicknames import called
from mailbot.request.sexes import is_somebody, may_be_woman, sexes
from mailbot.request.spellings import skeleton

NameWords = tuple[str, ...]

_MOST_WORDS = 40
_MOST_FORMS = 512
_MOST_GIVEN = 8
_PARTICLES = word_set(
    """
    van von der den de del della di da dos das do la le du al el ul bin ibn ben abu zu ter ten af av mac mc san st thi y
    """
)
_HALF_NAMES = word_set("van thi abu bin ibn al el ul abd abdul abdel abdal")
_GENERATIONS = word_set("jr sr jun sen junior senior ii iii iv mlodszy starszy")
"""What tells a son from his father: never left out."""
_DASHES = r"\-‐‑‒–—−﹘﹣－"
_BETWEEN = r"\s.,;:/／()\[\]\"„”_"
_WORDS = re.compile(rf"[{_BETWEEN}{_DASHES}]+")
_UNITS = re.compile(rf"[{_BETWEEN}]+")
_HYPHEN = re.compile(rf"\s*[{_DASHES}]\s*")
_WITH_FEMININE = re.compile(r"(?:[oeiy]v|[oe]w|in|tsyn|cyn)$")
"""Surnames to which a woman adds -a, as the Polish genitive does: Petrov, Pushkin, Golitsyn; not Węgrzyn."""
_OF_WIFE = re.compile(r"(?<=...)o[vw]a$")
"""What a woman may leave out abroad: Nováková, Novák."""


def compare(names: tuple[str, ...], account: Account) -> Match:
    """How the words of a mail compare with the account holder's name.

    OK: nominative or genitive, all words in the same case, any order of given name and surname, later given names may
    be left out. DOUBT: a person should look (one part of a double surname, an initial, a nickname, mixed cases, another
    transliteration, the right words among others). MISSING: no words. Everything else is MISMATCH.
    """
    said = tuple(part for word in names[:_MOST_WORDS] for part in words(word))
    if not any(said):
        return Match.MISSING
    if len(names) <= _MOST_WORDS and said in forms(account.given, account.surname, account.sex):
        return Match.OK
    return Match.DOUBT if _related(said, account) else Match.MISMATCH


@lru_cache(maxsize=512)
def forms(given: str, surname: str, sex: str | None) -> frozenset[NameWords]:
    """Every accepted way of writing a name, as folded words: case, diacritics and hyphens do not count.

    ``sex``: "m", "f", or None: judged by the given name, both when it does not tell.
    """
    found: set[NameWords] = set()
    surnames = _parts(surname)
    if not surnames or not _parts(given):
        return frozenset()
    for one in sexes(given, surname, sex):
        for chosen in _given_names(given):
            pairs = [(_nominative(chosen), _nominative(surnames))]
            pairs += islice(product(_genitive_given(chosen, one), _genitive_surname(surnames, one)), _MOST_FORMS)
            for first, last in pairs:
                if first == _nominative(chosen) or _tells_who(chosen, first, last, surnames, one):
                    found |= {first + last, last + first}
    return frozenset(found)


def _tells_who(chosen: list[str], first: NameWords, last: NameWords, surnames: list[str], sex: str) -> bool:
    """Whether a genitive is nobody else's nominative: "Oleksandra Kovalenko" and "Aleksandra Petrova" may be women,
    "Antoni Cichy" is a man and not Antonia Cicha. Case agreement is the safety device."""
    if is_somebody(first[0]):
        return last[-1].endswith(("ej", "ego"))
    if sex == "f" or not may_be_woman(_nominative(chosen)[0], first[0]):
        return True
    return not all(form in _of_woman(word) for form, word in zip(last, surnames, strict=True))


def _of_woman(surname: str) -> tuple[str, ...]:
    """What a woman may be called in whose family a man has this part of a surname."""
    bare = fold(surname)
    return (bare, bare + "a") if _WITH_FEMININE.search(declension.plain(surname)) else (bare,)


def words(name: str) -> NameWords:
    """The words of a name, folded: what stands between them (a hyphen, a comma) does not count."""
    return tuple(fold(part) for part in _parts(name))


def given_names(given: str) -> frozenset[NameWords]:
    """All given names, and the first ones alone, as far as they may stand for all, folded."""
    return frozenset(map(_nominative, _given_names(given)))


def _parts(name: str) -> list[str]:
    return [part for part in _WORDS.split(name) if fold(part)]


def _given_names(given: str) -> list[list[str]]:
    """All given names, and the first ones alone; a hyphenated name is one name. What is half a name ("Van" of "Van
    Duc") never stands alone; the first half of a hyphenated one keeps its hyphen: it may stay as it is ("Karl-Heinza").
    """
    units = [_halves(unit) for unit in _UNITS.split(_HYPHEN.sub("-", given)) if _parts(unit)][:_MOST_GIVEN]
    some = [list(chain.from_iterable(units[:count])) for count in range(1, len(units) + 1)]
    return [chosen for chosen in some if chosen == some[-1] or _stand_alone(chosen, some[-1])]


def _stand_alone(chosen: list[str], all_names: list[str]) -> bool:
    left = _nominative(all_names)[len(chosen) :]
    return not _HALF_NAMES.issuperset(_nominative(chosen)) and _GENERATIONS.isdisjoint(left)


def _halves(unit: str) -> list[str]:
    *first, last = _parts(unit)
    return [*(f"{part}-" for part in first), last]


def _nominative(words: list[str]) -> NameWords:
    return tuple(fold(word.rstrip("-")) for word in words)


def _folded(found: set[str]) -> list[str]:
    return sorted({fold(form) for form in found})


def _genitive_given(words: list[str], sex: str) -> list[NameWords]:
    options = [_folded(_forms_of_given(word, sex)) for word in words]
    return list(islice(product(*options), _MOST_FORMS))


def _forms_of_given(word: str, sex: str) -> set[str]:
    bare = word.rstrip("-")
    found = declension.given(declension.plain(bare), sex)
    return found | {bare} if bare != word or fold(bare) in _PARTICLES else found


def _genitive_surname(words: list[str], sex: str) -> list[NameWords]:
    """All parts declined, or in a surname of several parts at least one of those that can be ("Rydz-Śmigłego")."""
    declined = [_folded(declension.surname(declension.plain(word), sex)) for word in words]
    if len(words) == 1:
        return [(form,) for form in declined[0]]
    bare = _nominative(words)
    options = [sorted({*forms, word}) for forms, word in zip(declined, bare, strict=True)]
    fixed = all(word in forms or word in _PARTICLES for forms, word in zip(declined, bare, strict=True))
    return [form for form in islice(product(*options), _MOST_FORMS) if fixed or form != bare]


@lru_cache(maxsize=512)
def _loose(given: str, surname: str, sex: str | None) -> tuple[frozenset[str], frozenset[str]]:
    """Skeletons of every form of every given name and of every part of the surname."""
    first: set[str] = set()
    last: set[str] = set()
    for one in ("m", "f") if sex is None else (sex,):
        for word in map(declension.plain, _parts(given)):
            first |= {word} | declension.given(word, one)
            first |= {form for name in called(fold(word)) for form in (name, *declension.given(name, one))}
        for word in map(declension.plain, _parts(surname)):
            last |= {word} | declension.surname(word, one) | declension.noun_surname(word)
            last |= {_OF_WIFE.sub("", word), f"{word}ova"} if one == "f" else set()
    last -= _PARTICLES
    return frozenset(skeleton(fold(f)) for f in first), frozenset(skeleton(fold(f)) for f in last)


def _related(said: NameWords, account: Account) -> bool:
    """Whether a given name (or its initial) and a part of the surname stand among the words, or nobody can tell (a
    letter of another alphabet, or one that an encoding has lost)."""
    if not all("a" <= char <= "z" for word in said for char in word):
        return True
    first, last = _loose(account.given, account.surname, account.sex)
    bones = [skeleton(word) for word in said]
    initials = {fold(part)[0] for part in _parts(account.given)}
    given = {i for i, word in enumerate(said) if bones[i] in first or word in initials}
    family = {i for i, word in enumerate(said) if bones[i] in last}
    if given and family and len(given | family) > 1:
        return True
    return any("".join(form) == "".join(said) for form in forms(account.given, account.surname, account.sex))
