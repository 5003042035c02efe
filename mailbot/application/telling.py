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
BETWEEN = frozenset(
    {
        "juz",
        "mi",
        "sie",
        "tez",
        "zadnego",
        "w",
        "do",
        "ja",
        "wcale",
        "nadal",
        "jeszcze",
        "go",
        "jej",
        "ich",
        "nim",
        "niej",
    }
)
"""What may stand between a denial and its verb."""
_COPULAS = frozenset({"jest", "sa"})
_PASSED = BETWEEN - {"w", "do"} | {
    "tylko",
    "wylacznie",
    "teraz",
    "obecnie",
    "wciaz",
    "dla",
    "mnie",
    "bardzo",
    "to",
    "ciagle",
    "niestety",
}
_JOINTS = frozenset({"i", "a", "oraz", "ale", "lecz", "ze", "wiec", "zatem", "dlatego"})
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
        for words in clauses_of(sentence):
            said = [flat(word) for word in words]
            broken = next((telling for telling in letter.tellings if not _may_say(telling, said, letter)), None)
            if broken:
                yield broken, " ".join(words)


def _may_say(telling: Telling, said: Sequence[str], letter: ApplicationWords) -> bool:
    if not telling.of.found([said]) or (telling.unless and telling.unless.found([said])):
        return True
    parts = [said] if telling.whole else [part for part in _halves(telling, said, letter) if telling.of.found([part])]
    return all(_holds(telling, part, letter) for part in parts)


def _holds(telling: Telling, said: Sequence[str], letter: ApplicationWords) -> bool:
    verbs = list(_verbs(said, letter))
    if telling.bare.whole and not verbs and _COPULAS.isdisjoint(said):
        return all(word in telling.bare for word in said)
    return _may_be(telling, said) and all(_fits(telling, verb, denied=denied) for verb, denied in verbs)


def _halves(telling: Telling, said: Sequence[str], letter: ApplicationWords) -> Iterator[Sequence[str]]:
    """The parts of a clause that have a verb of their own, each with the short ones that go on about the same."""
    starts = [0, *(i for i, word in enumerate(said) if i and word in _JOINTS), len(said)]
    parts = [said[a:b] for a, b in pairwise(starts)]
    found: list[Sequence[str]] = []
    open_ = False
    for part in parts:
        tells = any(_is_verb(word, letter) or word in _COPULAS for word in part)
        if found and (not tells or open_ or (len(part) <= _SHORT and not telling.of.found([part]))):
            found[-1] = [*found[-1], *part]
            open_ = open_ and not tells
        else:
            found.append(part)
            open_ = not tells
    yield from found


def _may_be(telling: Telling, said: Sequence[str]) -> bool:
    """Whether what the thing is said to be, behind a copula, is one of what it may be."""
    for i, word in enumerate(said):
        if telling.being.whole and word in _COPULAS and (not i or said[i - 1] not in DENIALS):
            what = next((other for other in said[i + 1 :] if other not in _PASSED), None)
            if what is not None and what not in telling.being:
                return False
    return True


def _fits(telling: Telling, verb: str, *, denied: bool) -> bool:
    if verb in (telling.no if denied else telling.yes):
        return True
    if verb in telling.never:
        return False
    if verb.endswith("c"):  # an infinitive takes its denial from the verb that governs it
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
