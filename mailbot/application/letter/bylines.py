"""Names that no label and no verb introduces: the head of a list of data, the end of a letter, a line of its own."""

from __future__ import annotations

import re
from collections.abc import Iterator

from mailbot.application.letter.labels import PEOPLE, STOP_WORDS, words
from mailbot.application.letter.mentions import mentions
from mailbot.application.letter.names import LONELY, Person, alone, split
from mailbot.application.letter.towns import is_town
from mailbot.request.characters import flat

_BULLET = re.compile(r"^\s*(?:[-–—•*·▪●]|\(?\w{1,2}[.)])\s+")
_SEPARATOR = r"(?:[ \t]{0,3}[,;/|]|[ \t]{1,3}[–—-](?=\s)|(?=[ \t]{1,3}\()|[ \t]{0,3}(?:->|=>|→))[ \t]*+"
# At the start of a line or sentence. A stop ends a sentence behind two letters only: not in "Jan M. Kowalski".
_APART = re.compile(
    r"(?m)(?:^|(?<=[a-z]{2}[.:;!?,]\s)|\b(?:mnie|moj[ea]?|ja|wlasn[ea])\s\()[ \t]*+"
    r"(?:[-–—•*·▪●]\s{1,9}|\(?\w{1,2}[.)]\s{1,9})?"
    rf"((?:(?![a-z]{{2}}[.:;!]\s)[^\n,;/|@(]){{3,80}}?){_SEPARATOR}\(?"
    r"(?:pesel|login|e-?mail|mail\b|poczt|adres|konto\b|ur\b|urodz|zam\b|zamieszk|tel\b|kom\b|rok\s+ur|dotychczas|dotad"
    r"|star[yea]|poprzedni|dawn|uprzedni|wczesniej|byl[yoae]?\b|utracon|obecn|aktualn|now[ye]|jest\b"
    r"|wniosek|prosba|podanie|panien|rodow|z\s+domu|z\s+[^\s@]{1,64}@"
    r"|[^\s@]{1,64}@)"
)
_ASKS = re.compile(
    r"(?m)(?:^|(?<=[a-z]{2}[.:;!?]\s))[ \t]*+((?:[^\W\d_][\w'’-]{0,40}+[ \t]{1,3}){2,4}?)"
    r"(?:z\s+tej\s+strony|zwraca\s+sie|wnosi\b|prosi\b|wnioskuje|sklada\s+wniosek)"
)
"""A writer who speaks of himself as another would."""
_CLOSING = re.compile(
    r"\b(?:z\s+(?:powazaniem|wyrazami\s+szacunku|uszanowaniem|szacunkiem|gory\s+dzieku\w{1,3})|"
    r"lacze\s+(?:wyrazy\s+szacunku|pozdrowienia)|"
    r"(?:serdecznie\s+)?pozdrawiam(?:\s+(?:serdecznie|panstwa|cieplo|i\s+dziekuje)){0,2}|"
    r"podpisano(?:\s+elektronicznie)?(?:\s+przez)?|podpis(?:\s+wnioskodawcy)?\s*:)\s*[,.:]?\s*"
)
_SIGNED = re.compile(r"podpis\w{0,4}\b[^:]{0,60}:\s*")
_MARK = re.compile(r"\A[ \t]*(?:/[-–sS]?/|\([-–]\)|[-–—~]{1,3}(?=\s))[ \t]*")
"""What stands for a signature."""
_PART = re.compile(r"[\n\t]|(?<=[^\W\d_]{2})[.!?;](?=\s|$)")
_OWN_COLON = re.compile(r"\b(?:moj[ea]?|prywatn[ea]|wlasne|osobiste|puesc|login(?:u|em)?|dane|wniosek)\s*\Z")
_TRADE = re.compile(
    r"(?:[ \t]{0,3},[ \t]{0,3}|[ \t](?=z[ \t][A-ZĄĆĘŁŃÓŚŹŻ])"
    r"|[ \t]{1,3}(?=(?i:pesel|nip|tel|telefon|kom|nr[ ]tel)\b[^\w\n]{0,9}(?:\+?\d|nr)))(?P<what>[^\n@]{2,60})"
)
"""What stands beside a name: a trade, a town, or a number, which a writer in haste parts from it by a blank."""
_NOT_OF_WRITER = re.compile(
    r"\b(?:moj\w{0,4}|nasz\w{0,4}|jego|jej|ich|ktor\w{1,3}|imieniu|zastepstw\w|panstw\w{1,2}|powiedzial\w?"
    r"|konsultant\w{0,2}|urzedni\w{1,3}|naczelni\w{1,3}|z\s+infolinii|prosze|jest|byl[ao]?|ma)\b"
)
_DATE = re.compile(
    r"\s*(?:dn(?:ia|\.)?\s|\d(?!\d-\d)|(?:stycz|lut|mar|kwie|maj|czerw|lip|sierp|wrze|paz|list|grud)\w{1,8}\s+\d)"
)
_SMALL = re.compile(
    r"(?m)(?:^|(?<=[.!?:]\s))[ \t]*+([^\W\d_]{2,30}(?:[ ][^\W\d_]{2,30}(?:-[^\W\d_]{2,30})?){1,2})[ \t]*+"
    r"(?:,(?!\s{0,3}(?:moj|nasz|jego\b|jej\b))|[;.]|$)"
)


def bylines(text: str, low: str) -> Iterator[Person]:
    """The head of a list of the data, and the name alone at the end of a letter."""
    for part in (*_APART.finditer(low), *_ASKS.finditer(low)):
        if not _others(low, part.start(1)) and (names := alone(text[part.start(1) : part.end(1)])):
            yield split(names, surname_first=False, rank=LONELY)
    yield from _ends(text, low)


def _ends(text: str, low: str) -> Iterator[Person]:
    """The name alone on its line under "Z poważaniem", or in the last line of a letter that is no town."""
    closing = next(reversed(list(_CLOSING.finditer(low))), None)
    filled = [line for line in (_MARK.sub("", line).strip(" \t.,") for line in text.split("\n")) if line]
    while filled and is_town(filled[-1]):
        filled.pop()
    if filled and (signed := _SIGNED.match(flat(filled[-1]))) and (names := alone(filled[-1][signed.end() :])):
        yield split(names, surname_first=False, rank=4)
    if closing:
        line = _MARK.sub("", text[closing.end() :].lstrip()).partition("\n")[0].strip(" \t.,_…").partition(",")[0]
        if names := alone(line):
            yield split(names, surname_first=False, rank=4)
    elif len(filled) > 1 and (names := alone(filled[-1])):
        yield split(names, surname_first=False, rank=4)


def lonely(text: str, low: str) -> Iterator[Person]:
    """A name that is a line or a sentence, or has only a trade or a place beside it: where nothing else names anybody.

    None of them is certain to be the applicant's.
    """
    at = 0
    for end in [*_PART.finditer(text), None]:
        part = text[at : end.start() if end else len(text)]
        if names := _stands(part) or _behind_colon(part, flat(part)):
            yield split(names, surname_first=False, rank=LONELY)
        at = end.end() if end else at
    if "," in text and (names := alone(text.rpartition(",")[2].strip(" \n\t."))):
        yield split(names, surname_first=False, rank=LONELY)
    yield from _small(text, low)


def _stands(part: str) -> list[str]:
    """The words of a name that is ``part``, or to which ``part`` adds a trade, a place or a date."""
    part = _BULLET.sub("", part).strip(" ,.")
    if names := alone(part):
        return names
    beside = _TRADE.search(part)
    if beside is None or _DATE.match(flat(beside["what"])) or _NOT_OF_WRITER.search(flat(beside["what"])):
        return []
    return alone(part[: beside.start()])


def _behind_colon(part: str, low: str) -> list[str]:
    """The name behind a colon that ends words of one's own: "konto jest moje: …"."""
    colon = low.rfind(": ")
    return _stands(part[colon + 1 :]) if colon > 0 and _OWN_COLON.search(low[:colon]) else []


def _small(text: str, low: str) -> Iterator[Person]:
    """A line of small letters that is a name by the addresses of the letter: both its words stand in one of them."""
    homes = [mention.address.rpartition("@")[0].lower() for mention in mentions(text) if mention.address]
    for line in _SMALL.finditer(text):
        said = set(words(flat(line[1])))
        alike = any(all(word in home for word in said) for home in homes)
        if alike and line[1].islower() and said.isdisjoint(STOP_WORDS | PEOPLE):
            yield split(line[1].split(), surname_first=False, rank=LONELY)


def _others(low: str, at: int) -> bool:
    """Whether a word in front of ``at`` says that somebody else is named: "Księgowa: …", "księgowa, …"."""
    said = words(low[max(0, at - 40) : at].rpartition("\n")[2])
    return bool(said) and said[-1] in PEOPLE and low[:at].rstrip().endswith((":", ","))
