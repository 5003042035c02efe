"""What the subject says: the required one, nearly the required one, NOWE, a ticket number, or something else."""

from __future__ import annotations

import re

from mailbot.model import REQUIRED_SUBJECT, Difference, Subject, SubjectClass
from mailbot.request.characters import canonical, distance
from mailbot.request.differences import WORDS, differences, key, shown, words
from mailbot.request.reference import tickets

__all__ = ["canonical", "classify", "without_prefix"]

LONGEST = 500
"""Characters of a subject that are looked at for likeness; no header a person writes is longer."""

_REPLY = re.compile(
    r"\s*(?:re|odp|odpowied[zź]|fwd?|pd|aw|sv|wg|vs|antw|ynt|res|rv|tr|enc|przekazane|dot|dotyczy)"
    r"(?:\s?[\[(^]?\d{1,3}[\])]?)?\s?(?:[:：]|\.\s?:?)\s*",
    re.IGNORECASE,
)
_TAG = re.compile(r"\s*(?:\[[^\[\]]{1,40}\]|\*{2,}[^*]{1,40}\*{2,})\s*")
_KEY = "".join(WORDS)
_NEW = frozenset({"nowe", "notification", "nowezgloszenie", "zgloszenienowe", "newnotification", "nowenotification"})


def classify(text: str, *, is_reply: bool) -> Subject:
    """Class of a decoded, unfolded subject (procedure §1.6 and rows 6 to 16 of §3.2).

    ``is_reply``: the mail has In-Reply-To or References. A ticket number wins over likeness ("Re: ZGL2329987 – zmiana
    hasła awaryjnego" goes to its ticket); only the identical subject wins over everything.
    """
    whole = canonical(text)
    if whole == REQUIRED_SUBJECT:
        return Subject(SubjectClass.EXACT, whole)
    named = tickets(whole)
    if named:
        return Subject(SubjectClass.ZGL, whole, tickets=named)
    if whole == "NOWE":
        return Subject(SubjectClass.NOWE, whole)
    seen = whole[:LONGEST]
    rest = without_prefix(seen)
    if "".join(words_key(rest)) in _NEW:
        return Subject(SubjectClass.NOWE_NEAR, whole)
    if rest == REQUIRED_SUBJECT and is_reply and len(whole) <= LONGEST:
        return Subject(SubjectClass.REPLY_EXACT, whole, ((Difference.PREFIX, shown(seen[: -len(REQUIRED_SUBJECT)])),))
    if _near(rest):
        return Subject(SubjectClass.NEAR, whole, differences(seen))
    if _starts_with_new(rest):
        return Subject(SubjectClass.NOWE_NEAR, whole)
    return Subject(SubjectClass.OTHER, whole)


def words_key(text: str) -> list[str]:
    """The comparison keys of the words of ``text``."""
    return [key(word) for word in words(text)]


def without_prefix(text: str) -> str:
    """``text`` without reply and forward marks (RFC 5322 §3.6.5 "Re: " and national ones) and tags of gateways."""
    while found := _REPLY.match(text) or _TAG.match(text):
        text = text[found.end() :]
    return text


def _near(text: str) -> bool:
    """Whether ``text`` is meant as the required subject (procedure §1.6, near miss)."""
    said = words_key(text)
    together = "".join(said)
    if _KEY in together or distance(together, _KEY, 4) <= 4:
        return True
    hits = [next((w for w in WORDS if _alike(word, w)), None) for word in said]
    known = {hit for hit in hits if hit}
    strange = hits.count(None)
    if "awaryjne" in known:
        return (
            (len(known) >= 2 and not strange)
            or len(known) >= 4
            or (len(known) == 3 and hits[:3] == list(WORDS[:3]))  # the subject begins as required, then a name
        )
    return {"procedura", "specjalna"} <= known and not strange


def _alike(word: str, required: str) -> bool:
    return word == required or (len(required) >= 5 and distance(word, required, 1) <= 1)


def _starts_with_new(text: str) -> bool:
    """ "NOWE – problem z SENT": the word of the channel as on the page, then the matter."""
    return re.match(r"\W*(?:NOWE\b|(?:nowe|notification)\s*[-–—:.,/])", text) is not None or (
        re.match(r"\W*(?:notification\b|nowe\s+zg[lł]oszenie\b)", text, re.IGNORECASE) is not None
    )
