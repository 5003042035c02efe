"""In which language a mail is written: Polish, unless it clearly is English."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from mailbot.request.characters import word_set
from mailbot.ruleset.sayings import Sentences

POLISH, ENGLISH = "pl", "en"

_LEAST = 3
"""English words below which a text is too short to tell."""
_ENGLISH = word_set(
    """
    the my your our his their this that these those is are was were been am have has had would could should can cannot
    cant dont did does not will if and or of for from with without which what when where how why who it its you we they
    them me us please dear hello regards sincerely thank thanks account password delete remove email help need want
    log login sign error new work works working form open send access
    now like about answer request complaint step wrong blocked locked unlock
    """
)
_POLISH = word_set(
    """
    nie sie jest sa byl byla mam mamy moje moj moja mojego mojej konto konta haslo hasla prosze prosba prosimy dzien
    dobry witam czy jak jaki jakie ktory ktora ktore oraz lub ale bo ze zeby aby dla przez przy pod nad mnie mi nam nas
    pan pani panstwo szanowni dziekuje pozdrawiam powazaniem moge mozna chce chcialbym chcialabym usuniecie pamietam
    """
)
_SHARED = word_set("login email form log")
"""Written in Polish mails as well: they count for English only beside other words."""
_LETTERS = re.compile(r"[ąćęłńśźżĄĆĘŁŃŚŹŻ]\w*")
"""The rest of a word from its first letter that only Polish has (ó has its place in other languages)."""
_CHANNEL = "notification"


def read(subject: Sequence[str], sentences: Sentences, text: str) -> str:
    """ "en" or "pl".

    ``subject``: folded words of the subject; ``sentences``: of the citizen's new text; ``text``: the same as written.
    The word NOTIFICATION is that of the English page (domain.md §1.7), so it stands for English where the text does
    not say otherwise. A name or a place with Polish letters does not make a text Polish.
    """
    said = [word for sentence in sentences for word in sentence]
    words = [*subject, *said]
    english = _count(words, _ENGLISH)
    polish = _count(words, _POLISH)
    lettered = len(_LETTERS.findall(text))
    if polish or lettered * 5 > len(words):
        return POLISH
    if _CHANNEL in subject[:2]:
        return ENGLISH
    sure = english - _count(words, _SHARED) >= _LEAST and english * 4 >= len(words)
    return ENGLISH if sure else POLISH


def _count(words: Iterable[str], known: frozenset[str]) -> int:
    return sum(map(known.__contains__, words))
