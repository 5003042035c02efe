"""Words that no kind of clauses names, and that may stand in one all the same: what a citizen tells beside the matter.

Nobody can list what happened to people. So grammar licenses it: a word of the dictionary (text.polish) that in all its
readings is a thing, a quality or a circumstance, or what the writer or a thing did. No man and no name, and no lemma
that matters (rules/applications.yaml, "guarded" and "never"): those stand only where a kind has them. Pure.
"""

from __future__ import annotations

from mailbot.ruleset.model import ApplicationWords
from mailbot.text.polish import Sense, senses
from mailbot.text.unicode import flat

_STILL = frozenset(
    {"subst", "depr", "adj", "adja", "adjc", "adjp", "adv", "num", "numcol", "numcomp", "dig", "ger", "pact", "ppas"}
    | {"prep", "conj", "comp", "part", "interj", "frag", "pred", "siebie", "ppron12", "ppron3", "brev"}
    | {"inf", "pcon", "pant"}
)
"""Parts of speech by which nobody does anything."""
_TOLD = frozenset({"fin", "praet", "winien"})
"""Parts of speech by which somebody, or a thing, does something: not what will be or would be, what is ordered, and
what nobody did ("Wydrukowano z internetu")."""
_SAID_OF_ALL = frozenset({"imps", "bedzie", "cond"})
_OF_PEOPLE = "li"
_TIMES = frozenset({"rok", "lato", "miesiac", "tydzien", "dzien", "godzina", "minuta", "chwila", "czas", "pora", "raz"})
_NOUNS = frozenset({"subst", "depr"})
_COMMON = "nazwa_pospolita"


def is_named(word: str, letter: ApplicationWords) -> bool:
    """Whether ``word`` is only a thing, a quality or a circumstance, and none that matters."""
    found = senses(word)
    return bool(found) and all(sense.part in _STILL for sense in found) and not _matters(word, letter)


def is_verb(word: str) -> bool:
    """Whether ``word`` may be a verb that makes a sentence."""
    return any(sense.part in _TOLD or sense.part in _SAID_OF_ALL for sense in senses(word))


def is_thing(word: str) -> bool:
    """Whether ``word`` names a thing, and no time: of none it may be the letter that is told of ("Nabrałem was")."""
    found = senses(word)
    return bool(found) and all(sense.part in _NOUNS and sense.lemma not in _TIMES for sense in found)


def is_told(word: str, letter: ApplicationWords) -> bool:
    """Whether ``word`` is a verb of what is or was, of the writer or of a third one, and none that matters.

    Only people, more than one, can have done it when it ends in "-li": "Siedzieli obok mnie".
    """
    found = senses(word)
    return (
        any(sense.part in _TOLD and sense.person != "sec" and not sense.future for sense in found)
        and all(sense.part in _TOLD or sense.part in _STILL for sense in found)
        and not flat(word).endswith(_OF_PEOPLE)
        and not _matters(word, letter)
    )


def is_of_another(word: str, letter: ApplicationWords) -> bool:
    """Whether ``word`` says what another wants, though without its diacritics the writer said it: "chce", "chcę".

    The words of rules are written without them.
    """
    if not word.isascii() or not word.endswith("e"):
        return False
    found = senses(word)
    mine = (sense for sense in senses(word[:-1] + "ę") if sense.part == "fin" and sense.person == "pri")
    return all(_is_present(sense, "ter") for sense in found) and any(s.lemma in letter.guarded for s in mine)


def _is_present(sense: Sense, person: str) -> bool:
    return sense.part == "fin" and sense.person == person


def _matters(word: str, letter: ApplicationWords) -> bool:
    """Also by what ``word`` is with diacritics: who writes without them means "mąż" by "maz", which is a word, too."""
    return flat(word) in letter.never or any(
        sense.denied
        or sense.lemma in letter.guarded
        or sense.lemma in letter.never
        or (sense.male and sense.part in _NOUNS and _COMMON in sense.kinds)
        for sense in senses(word, bare=True)
    )
