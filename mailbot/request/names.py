"""Is this the name of the account holder? Membership in a closed set of forms, never similarity (procedure §5.2)."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from itertools import chain, islice, product

from mailbot.model import Account, Match
from mailbot.request import declension
from mailbot.request.characters import LONGEST_NAME, fold, word_set
from mailbot.request.nicknames import called
from mailbot.request.sexes import is_man, may_be_woman, sexes
from mailbot.text.remembered import remembered

NameWords = tuple[str, ...]

_MOST_WORDS = 40
_MOST_FORMS = 512
_PARTICLES = word_set(
    """
    van von der den de del della di da dos das do la le du al el ul bin ibn ben abu zu ter ten af av mac mc san st thi y
    """
)
_HALF_NAMES = word_set("van thi abu bin ibn al el")
# One sound, several spellings (umlauts, transliterations from Cyrillic): equal skeletons mean doubt, never accept.
_SPELLINGS = (
    *(("ck", "k"), ("szcz", "s"), ("shch", "s"), ("sch", "s"), ("sh", "s"), ("sz", "s"), ("cz", "c"), ("ch", "c")),
    *(("kh", "c"), ("ts", "c"), ("tz", "c"), ("zh", "z"), ("rz", "z"), ("ph", "f"), ("x", "ks")),
    *(("ue", "u"), ("oe", "o"), ("ae", "a"), ("w", "v"), ("j", "i"), ("y", "i")),
)


def compare(names: tuple[str, ...], account: Account) -> Match:
    """How the words of a mail compare with the account holder's name.

    OK: nominative or genitive, all words in the same case, any order of given name and surname, later given names may
    be left out. DOUBT: a person should look (one part of a double surname, an initial, a nickname, mixed cases, another
    transliteration, the right words among others). MISSING: no words. Everything else is MISMATCH.
    """
    said = tuple(fold(part) for word in names[:_MOST_WORDS] for part in _parts(word.replace(".", " ")))
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
    if not surnames or not given.split():
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
    """Whether a genitive is nobody else's nominative: "Oleksandra Kovalenko" may be a woman, "Antoni Cichy" is a man
    and not Antonia Cicha. Case agreement is the safety device."""
    if is_man(first[0]):
        return last[-1].endswith(("ej", "ego"))
    same = last == _nominative(surnames)
    return not (sex == "m" and same and may_be_woman(_nominative(chosen)[0], first[0]))


def _parts(name: str) -> list[str]:
    """The words of a name; a hyphen is a space."""
    return [part for part in re.split(r"[\s\-‐‑‒–—−]+", name) if fold(part)]


def _given_names(given: str) -> list[list[str]]:
    """All given names, and the first ones alone; a hyphenated name is one name. What is half a name ("Van" of "Van
    Duc") never stands alone; the first half of a hyphenated one keeps its hyphen: it may stay as it is ("Karl-Heinza").
    """
    units = [_halves(unit) for unit in re.sub(r"\s*-\s*", "-", given).split()[:4]]
    some = [list(chain.from_iterable(units[:count])) for count in range(1, len(units) + 1)]
    return [words for words in some if words == some[-1] or not _HALF_NAMES.issuperset(_nominative(words))]


def _halves(unit: str) -> list[str]:
    *first, last = _parts(unit) or [""]
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
    last -= _PARTICLES
    return frozenset(_skeleton(fold(f)) for f in first), frozenset(_skeleton(fold(f)) for f in last)


@remembered(8192, LONGEST_NAME)
def _skeleton(word: str) -> str:
    for spelling, sound in _SPELLINGS:
        word = word.replace(spelling, sound)
    return re.sub(r"(.)\1", r"\1", word)


def _related(said: NameWords, account: Account) -> bool:
    """Whether a given name (or its initial) and a part of the surname stand among the words, or nobody can tell."""
    if any(not unicodedata.name(char, "LATIN").startswith("LATIN") for word in said for char in word):
        return True
    first, last = _loose(account.given, account.surname, account.sex)
    bones = [_skeleton(word) for word in said]
    initials = {fold(part)[0] for part in _parts(account.given)}
    given = {i for i, word in enumerate(said) if bones[i] in first or word in initials}
    family = {i for i, word in enumerate(said) if bones[i] in last}
    if given and family and len(given | family) > 1:
        return True
    return any("".join(form) == "".join(said) for form in forms(account.given, account.surname, account.sex))
