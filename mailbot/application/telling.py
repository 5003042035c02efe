"""What the clauses of a letter say of the things that matter: of the account, of what opens it, of other people.

Words alone do not tell "nie mam dostępu" from "mam dostęp", nor "hasło zmienił mąż" from "hasło zmieni mąż": each verb
of a clause must be one that may be said, or denied, of everything the clause speaks of (rules/applications.yaml,
"tellings"). A verb of which nobody knows that is a doubt. Pure, linear in the text.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise

from mailbot.application.understood import clauses_of
from mailbot.ruleset.model import ApplicationWords, Telling
from mailbot.text.unicode import flat

DENIALS = frozenset({"nie", "nigdy", "not", "never"})
_OWN = frozenset({"juz", "mi", "sie", "tez", "zadnego", "ja", "wcale", "nadal"})
_ABOUT_IT = frozenset({"jeszcze", "go", "jej", "ich", "nim", "niej"})
BETWEEN = _OWN | _ABOUT_IT | {"w", "do"}
"""What may stand between a denial and its verb."""
_ADDRESS = "adres"
"""What stands behind a copula that nothing else follows: addresses are taken out of the text."""
_COPULAS = frozenset({"jest", "sa"})
_BECAME = frozenset({"zostal", "zostala", "zostalo", "zostaly"})
"""Copulas of the passive: before a participle only."""
_PARTICIPLE = re.compile(r"[nt][aeyi]\Z")
_HOW = ("nie", "wie", "ale", "lnie", "czas")
"""Endings of what tells how, before what something is said to be: "trwale usunięte"."""
_NOW = frozenset({"tylko", "wylacznie", "teraz", "obecnie", "wciaz", "ciagle", "bardzo"})
_PASSED = _OWN | _ABOUT_IT | _NOW | {"dla", "mnie", "to", "niestety"}
_JOINTS = frozenset({"i", "a", "oraz", "ale", "lecz", "ze", "wiec", "zatem", "dlatego"})
_FIRST = 4
"""Words within which an asking begins."""
_SHORT = 4
"""Words of a part that has no object of its own: "i sprzedałem go"."""
_PAST = re.compile(r"(?:l|la|lo|li|ly|lem|lam|lismy|lysmy|no|to|n[aeiy]|t[aey])\Z")
"""Endings of what has happened, or was done, in small letters without diacritics."""
_NAMED = re.compile(r"(?:[aei]ni(?:a|e|u|em)|[ei]ci(?:a|e|u|em)|osci?|[aesz]en|ych|ego|emu)\Z")
"""Endings of nouns and adjectives that begin as verbs do."""
_SAID = re.compile(r"(?!program|reklam).{4,40}(?:am|uje|uja)\Z")
"""What is a verb by its ending, though in no list of verbs."""
_TOLD = re.compile(r".{3,40}(?:l|lo|li|lem|lam|lismy|lysmy|uje|uja|aja)\Z")
"""What looks like a verb and is in no list."""


def untoward(sentences: Iterable[str], letter: ApplicationWords) -> Iterator[tuple[Telling, str]]:
    """The clauses that say of something what an application does not, each with the first rule it breaks."""
    for sentence in sentences:
        clauses = clauses_of(sentence)
        reasoned = bool(letter.reasons.found([[flat(word) for words in clauses for word in words]]))
        for words in clauses:
            said = [flat(word) for word in words]
            found = letter.tells.found([said])
            about = [telling for telling in letter.tellings if telling.of & found and not telling.unless & found]
            broken = next(
                (telling for telling in about if not _may_say(telling, said, letter, reasoned=reasoned)), None
            )
            if broken:
                yield broken, " ".join(words)


def introduced(sentences: Iterable[str], letter: ApplicationWords) -> Iterator[str]:
    """What tells of the asking that follows its colon, as one does of another's words: "On powiedział: proszę o…"."""
    for sentence in sentences:
        told = False
        for head, rest in pairwise(sentence.split(":")):
            told = told or any(_tells_of(word, letter) for words in clauses_of(head) for word in words)
            first = [word for words in clauses_of(rest)[:1] for word in words[:_FIRST]]
            if told and any(flat(word) in letter.asking for word in first):
                yield sentence.rpartition(rest)[0].strip(" :")
                break


def _tells_of(word: str, letter: ApplicationWords) -> bool:
    return flat(word) not in letter.asking and _is_verb(flat(word), letter)


def _may_say(telling: Telling, said: Sequence[str], letter: ApplicationWords, *, reasoned: bool) -> bool:
    parts = [said] if telling.whole else _halves(telling, said, letter)
    return all(_holds(telling, part, letter, needed=reasoned or not telling.needs) for part in parts)


def _halves(telling: Telling, said: Sequence[str], letter: ApplicationWords) -> list[Sequence[str]]:
    """The parts of a clause that speak of it, with a verb of their own and the short ones that go on about the same."""
    starts = [0, *(i for i, word in enumerate(said) if i and word in _JOINTS), len(said)]
    found: list[tuple[Sequence[str], bool]] = []
    for part in (said[a:b] for a, b in pairwise(starts)):
        tells = any(_is_verb(word, letter) or word in _COPULAS for word in part)
        goes_on = not tells or (len(part) <= _SHORT and not _about(telling, part, letter))
        if found and (goes_on or not found[-1][1]):
            before, told = found.pop()
            found.append(((*before, *part), told or tells))
        else:
            found.append((part, tells))
    return [part for part, _ in found if len(found) == 1 or _about(telling, part, letter)]


def _about(telling: Telling, said: Sequence[str], letter: ApplicationWords) -> bool:
    return not telling.of.isdisjoint(letter.tells.found([said]))


def _holds(telling: Telling, said: Sequence[str], letter: ApplicationWords, *, needed: bool) -> bool:
    verbs = list(_verbs(said, letter))
    if not verbs and _COPULAS.isdisjoint(said):
        return not telling.bare or all(word in telling.bare for word in said)
    return needed and _may_be(telling, said) and all(_fits(telling, verb, denied=denied) for verb, denied in verbs)


def _may_be(telling: Telling, said: Sequence[str]) -> bool:
    """Whether what the thing is said to be, behind a copula, is one of what it may be."""
    for i, word in enumerate(said):
        if telling.being and (word in _COPULAS or word in _BECAME) and (not i or said[i - 1] not in DENIALS):
            what = next(
                (other for other in said[i + 1 :] if other not in _PASSED and not other.endswith(_HOW)), _ADDRESS
            )
            if what not in telling.being and (word in _COPULAS or _PARTICIPLE.search(what)):
                return False
    return True


def _fits(telling: Telling, verb: str, *, denied: bool) -> bool:
    infinitive = verb.endswith("c")  # it takes its denial from the verb that governs it
    if not denied and not infinitive and verb in telling.never:
        return False
    if verb in (telling.no if denied else telling.yes):
        return True
    if infinitive:
        return verb in telling.yes or verb in telling.no
    return telling.past and not denied and _PAST.search(verb) is not None


def _is_verb(word: str, letter: ApplicationWords) -> bool:
    if word in letter.verbs:
        return _NAMED.search(word) is None
    return _SAID.match(word) is not None or (word not in letter.words and _TOLD.match(word) is not None)


def _verbs(said: Sequence[str], letter: ApplicationWords) -> Iterator[tuple[str, bool]]:
    """The verbs of a clause, and whether each is denied."""
    for i, word in enumerate(said):
        if _is_verb(word, letter):
            j = i - 1
            while j >= 0 and said[j] in BETWEEN:
                j -= 1
            yield word, j >= 0 and said[j] in DENIALS
