"""What the clauses of a letter say of the things that matter: of the account, of what opens it, of other people.

Words alone do not tell "nie mam dostępu" from "mam dostęp", nor "hasło zmienił mąż" from "hasło zmieni mąż": each verb of
a clause must be one that may be said, or denied, of everything the clause speaks of (rules/applications.yaml,
"tellings"). A verb of which nobody knows that is a doubt. Pure, linear in the text.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from mailbot.application.understood import clauses_of
from mailbot.ruleset.model import ApplicationWords, Telling
from mailbot.text.unicode import flat

DENIALS = frozenset({"nie", "nigdy", "not", "never"})
BETWEEN = frozenset(
    {"juz", "mi", "sie", "tez", "zadnego", "w", "do", "ja", "wcale", "nadal", "jeszcze", "go", "jej", "ich", "nim", "niej"}
)
"""What may stand between a denial and its verb."""
_PAST = re.compile(r"(?:l|la|lo|li|ly|lem|lam|lismy|lysmy|no|to|n[aeiy]|t[aey])\Z")
"""Endings of what has happened, or was done, in small letters without diacritics."""
_NAMED = re.compile(r"(?:[aei]ni(?:a|e|u|em)|[ei]ci(?:a|e|u|em)|osci?|[aesz]en|ych|ego|emu)\Z")
"""Endings of nouns and adjectives that begin as verbs do."""
_TOLD = re.compile(r"...(?:l|lo|li|lem|lam|lismy|lysmy|uje|uja|aja)\Z")
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
    return all(_fits(telling, verb, denied=denied) for verb, denied in _verbs(said, letter))


def _fits(telling: Telling, verb: str, *, denied: bool) -> bool:
    if verb in (telling.no if denied else telling.yes):
        return True
    if verb in telling.never:
        return False
    if verb.endswith("c"):  # an infinitive takes its denial from the verb that governs it
        return verb in telling.yes or verb in telling.no
    return telling.past and not denied and _PAST.search(verb) is not None


def _verbs(said: Sequence[str], letter: ApplicationWords) -> Iterator[tuple[str, bool]]:
    """The verbs of a clause, and whether each is denied."""
    for i, word in enumerate(said):
        if (word in letter.verbs and not _NAMED.search(word)) or (word not in letter.words and _TOLD.match(word)):
            j = i - 1
            while j >= 0 and said[j] in BETWEEN:
                j -= 1
            yield word, j >= 0 and said[j] in DENIALS
