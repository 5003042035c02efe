"""What an address is by another one: an arrow, "z … na …", "dawniej …, teraz …", the only other where one is told.

Each way is certain by itself; where two addresses could be meant, none of them gets a role.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from mailbot.application.letter.cues import ASIDE, CHANGE, CONTACT, FILLERS, PARENTHESIS, SENT, THEIRS, Role, fill
from mailbot.application.letter.labels import outside_brackets, words
from mailbot.application.letter.mentions import Mention

SENTENCE = re.compile(
    r"(?<!\btj)(?<!\btzn)(?<!\bnp)(?<!\bww)(?<!\bul)(?<!\bur)(?<!\badr)(?<!\bds)(?<!\bnr)(?<!\d r)(?<!\dr)[.!?;](?=\s)"
)
_NOUNS = FILLERS | {"nowy", "nowa", "nowego", "stary", "starego", "starej", "dotychczasowego", "dotychczasowej"}
_REACH = 400
_NEAR = 120
ARROW = re.compile(r"[\s()]*(?:-{1,2}>|={1,2}>|>{1,3}|[→⇒➜⟶])[\s()]*")
_SIDES = re.compile(
    r"\b(?:lew|praw|odwrotn|kolejn|odpowiednio|pierwsz|drug)\w{0,5}\b"
    r"|\bnow\w{1,3}\s{0,2}(?:\w{1,20}\s{0,2}){0,2}[-=→⇒]>?"
)
"""Words that may say of an arrow or a row what it does not show."""
_ONTO = re.compile(
    r"[\s()]*(?P<verb>(?:[^\W\d_]+\s+){0,4}?)(?:na\b|(?<=zastapic\s)|(?<=zastapienie\s))(?P<noun>[^@]{0,60})"
)
_CHANGED = re.compile(
    r"(?:prosze\s|chce\s)?(?:zmieni|zamieni|podmieni|wymieni|zastapi|przenie)\w{1,3}\s"
    r"|(?:(?:niech\s)?(?:bedzie|zostanie)|(?:ma|powinien)\s(?:byc|zostac))\s(?:zmien|zamien|podmien|wymien)ion[ya]\s"
)
"""What is to be done with a login, behind it. Not "ma zastąpić", of which either can be the subject."""
_BE_CHANGED = re.compile(
    r"\b(?:ze|a)?by\s[^,;:.@]{0,40}\b(?:zostal|byl)[ay]?\s(?:zmienion|zamienion|podmienion)[yae]\b"
)
_INSTEAD = re.compile(r"(?:\s+jako\s+login\w{0,2})?[\s(,]*(?:zamiast|w\s+miejsce)\b(?P<noun>[^@]{0,60})")
_INSTEAD_OF = re.compile(r"\b(?:zamiast|w\s+miejsce)\s+(?P<noun>[^@.:;]{0,60})\Z")
_WISH = re.compile(
    r"[\s,]*(?:po)?(?:prosze(?:\s+(?:o|ustawic|wpisac|nadac|przypisac|przyjac))?|chce|chcialbym|chcialabym|ustawic|wpisac|nadac)\b(?P<noun>[^@]{0,40})"
)
_BY = re.compile(
    r"(?:\s+(?:w|do)\s+puesc)?\s+(?:(?:przez\s+)?(?:(?:moim|nowym)\s+){0,2}(?:loginem|adresem)|przez(?:\s+nowy)?(?:\s+(?:login|adres))?)\s+"
)
_REPLACED = re.compile(r"\b(?:zastapi|zamian|zamieni|podmia|podmieni|wymian|wymieni)\w{1,5}\s+(?:\w+\s+){0,3}\Z")
"""Around an address: "zastąpienie loginu A loginem B"."""
_ASKED = re.compile(r"\b(?:(?:ze|a)?by|niech)\b[^,;:.]{0,40}\Z")
_BE_REPLACED = re.compile(
    r"\s+(?:(?P<past>zostal|byl)|bedzie|zostanie|(?:ma|powinien)\s+(?:byc|zostac))\s+"
    r"(?:zastapion|zamienion|podmienion|wymienion)y\s+"
    r"(?:przez|(?:przez\s+)?(?:(?:nowym|moim|nowy)\s+)?(?:login|adres)(?:em)?)\s+"
)
_TO_ACCOUNT = re.compile(r"\b(?:przypis|nada|ustaw)\w{1,5}\s+(?:do|dla|na)?\s*kon(?:ta|cie|tu)\s*\Z")
_GIVEN_LOGIN = re.compile(r"\s+(?:w\s+puesc\s+)?(?:nowego\s+)?loginu\s+")
"""Around an address: "przypisanie do konta A loginu B"."""
_BECAUSE = re.compile(r",\s(?:bo|gdyz|poniewaz)\s[^,@]{1,80},")
_FROM_LABEL = re.compile(r"(?:^|[\n,;.])\s*(?:z(?:\s+czego)?|skad|od)\s*[:–-]\s*\Z")
_ONTO_LABEL = re.compile(r"(?:^|[\n,;.])\s*(?:na(?:\s+(?:co|jaki))?|dokad|do)\s*[:–-]\s*\Z")
_FROM = re.compile(r"\bze?\W{1,3}(?=[^\W\d_]|\Z)")
_TO = re.compile(r"\bna\W{1,3}(?=[^\W\d_]|\Z)")
_PRESENT = re.compile(
    r"(?:\b(?:teraz|obecnie|dzis(?:iaj)?|aktualnie|dzialajac\w{1,3}|aktywn\w{1,3})"
    r"(?:\s+(?:uzywam|mam|korzystam|posluguje)(?:\s+sie)?)?|(?:[,.;\n]|\A)\s*jest)\b\W{0,3}((?:\w+\W{1,3}){0,4})\Z"
)
_CAPITAL = "A-ZĄĆĘŁŃÓŚŹŻ"
_NAME = re.compile(rf"(?:[\n.!?:;,–-]|\A)\s*(?:[{_CAPITAL}][\w'’-]*\.?\s*){{2,4}}[,;/|–-]\s*\Z")
_SEPARATOR = re.compile(r"[\s)]*(?:[,;/|\n]|\s[–-]\s)[\s]*")
_ACCOUNT = ("konto", "konta", "koncie", "login")
_MAILBOX = ("login", "logow", "zalogow", "adres", "mail", "email", "poczt", "skrzyn", "kont", "wejd", "wejsc")
_OWN = (
    "login",
    "logow",
    "zalogow",
    "kont",
    "moj",
    "swoj",
    "mam",
    "mial",
    "zaloz",
    "zarejestr",
    "korzyst",
    "uzyw",
    "nie",
)
_LOST = (
    *("strac", "utrac", "padl", "przepad", "zablok", "zamkn", "zamyk", "skasow", "usun", "zlikwid", "wylacz", "wygas"),
    *("zniszcz", "przej", "odci", "zgub", "skradz", "porzuc", "znikn", "martw", "dostep", "brak", "odebra", "wlama"),
)
"""How words begin beside an address that is a mailbox, and one's own, or one's own no more."""
DESK = re.compile(r"@(?:[\w-]+\.){0,3}(?:mf|puesc|kas|gov)(?:\.gov)?\.pl\Z|helpdesk")
"""Addresses of the desk and its offices, in small letters."""


@dataclass(slots=True)
class Told:
    """An address and what is said of it."""

    mention: Mention
    role: Role | None
    login: bool = False
    """Whether a bare "login" leads up to it."""
    denied: bool = False
    """Whether it is said not to be something."""


def tell(text: str, low: str, given: list[Told]) -> None:
    """Give roles to those of ``given``, in the order of a text, that only another address tells."""
    for i in range(len(given) - 1):
        _between(text, low, given, i)
    for one in given:
        if one.role is None and not one.denied:
            one.role = _changed(_sentence(low, one, None))
    _contrasted(low, given)


def _between(text: str, low: str, given: list[Told], i: int) -> None:
    """Roles of two neighbours by what parts them: "A → B", "A na B", "z A na B", "A, nowy: B"."""
    left, right = given[i], given[i + 1]
    if left.mention.key == right.mention.key or left.denied or right.denied:
        return
    gap = low[left.mention.end : right.mention.start]
    if len(gap) > _REACH:
        return
    front = _sentence(low, left, given[i - 1] if i else None)
    if _replaced(gap, _INSTEAD) and left.role is not Role.OLD and right.role is not Role.NEW:
        left.role, right.role = Role.NEW, Role.OLD  # "login A zamiast B"
        return
    arrow = ARROW.fullmatch(gap) is not None and not _SIDES.search(low)
    if (
        arrow
        or _onto(front, gap, low[right.mention.end :])
        or _wished(front, gap)
        or (_BY.fullmatch(gap) and _REPLACED.search(front))
        or _be_replaced(front, gap)
        or (_TO_ACCOUNT.search(front) and _GIVEN_LOGIN.fullmatch(gap))
        or (_FROM_LABEL.search(front) and _ONTO_LABEL.search(outside_brackets(gap)))
    ):
        if left.role is not Role.NEW and right.role is not Role.OLD:
            left.role, right.role = Role.OLD, Role.NEW
    elif left.role is None and right.role is Role.NEW and _listed(text[: left.mention.start], gap):
        left.role = Role.OLD


def _replaced(gap: str, pattern: re.Pattern[str]) -> bool:
    """Whether ``gap`` is ``pattern`` and a noun."""
    found = pattern.fullmatch(outside_brackets(gap))
    return found is not None and fill(found["noun"], _NOUNS)


def _wished(front: str, gap: str) -> bool:
    """Whether it is "zamiast A poproszę B"."""
    instead = _INSTEAD_OF.search(front)
    return instead is not None and fill(instead["noun"], _NOUNS) and _replaced(gap, _WISH)


def _be_replaced(front: str, gap: str) -> bool:
    """Whether it is "(by) A został zastąpiony loginem B"; without "by" that has happened already."""
    found = _BE_REPLACED.fullmatch(gap)
    return found is not None and (not found["past"] or _ASKED.search(front) is not None)


def _onto(front: str, gap: str, behind: str) -> bool:
    """Whether ``gap`` is "na (adres)" between two addresses of a change: "z A na B", "A zmienić na B"."""
    gap = _BECAUSE.sub(" ", outside_brackets(gap))
    onto = _ONTO.fullmatch(gap)
    if onto is None or not fill(onto["noun"].replace("nowy", "")):
        return False
    verb = onto["verb"].replace("\n", " ")
    if verb and not _CHANGED.fullmatch(verb):
        return False
    if verb or CHANGE.search(front) or _BE_CHANGED.search(front):
        return True
    clause = re.split(r"[,;:.\n]", front.rstrip(" :"))[-1]
    return fill(clause) and re.match(r"\s*(?:[.,;)\n]|\Z)", behind) is not None


def _listed(front: str, gap: str) -> bool:
    """Whether an address stands bare between the name and "nowy login: …", as in a list of the four data."""
    return _SEPARATOR.match(gap) is not None and "\n\n" not in gap and _NAME.search(front[-_NEAR:]) is not None


def _sentence(low: str, one: Told, before: Told | None) -> str:
    """What stands in front of an address in its sentence, other addresses blanked."""
    start = max(before.mention.end if before else 0, one.mention.start - _REACH)
    text = low[start : one.mention.start]
    ends = [match.end() for match in SENTENCE.finditer(text)]
    return text[ends[-1] :] if ends else text


def _changed(sentence: str) -> Role | None:
    """ "zmianę loginu na B", "zmianę loginu z A": the prepositions tell, in a sentence that speaks of a change."""
    if not CHANGE.search(sentence) or SENT.search(sentence):
        return None
    for role, pattern in ((Role.NEW, _TO), (Role.OLD, _FROM)):
        found = list(pattern.finditer(sentence))
        if found and fill(PARENTHESIS.sub(" ", sentence[found[-1].end() :])):
            return role
    return None


def _contrasted(low: str, given: list[Told]) -> None:
    """ "dawniej A, teraz B", "jest A, ma być B": what is now is the other one of two, where words tell the one."""
    told = {one.role for one in given if one.role is not None}
    keys = {one.mention.key for one in given}
    if len(keys) != 2 or len(told) != 1:
        return
    known = {one.mention.key for one in given if one.role is not None}
    for i, one in enumerate(given):
        if one.mention.key in known or one.denied:
            continue
        now = _PRESENT.search(_sentence(low, one, given[i - 1] if i else None))
        if now and fill(now[1]):
            one.role = Role.NEW if told == {Role.OLD} else Role.OLD


def other(given: Sequence[Told], low: str) -> Mention | None:
    """The only other address where the new one is told: the old login, in a sentence that speaks of one's own mailbox.

    Never the other way round: who is given the account must be named so.
    """
    new = {one.mention.key for one in given if one.role is Role.NEW}
    others = [(i, one) for i, one in enumerate(given) if one.mention.key not in new]
    if len({one.mention.key for _, one in others}) != 1:
        return None
    i, one = others[0]
    first = one.mention
    line = low[low.rfind("\n", 0, first.start) + 1 : first.start]
    label = words(line) if not words(line.rpartition(":")[2]) else ["konto"]
    if "\t" in line or not _begin(label, _ACCOUNT):
        return None  # it may be the value of another label, or of none
    front = _sentence(low, one, given[i - 1] if i else None)
    behind = low[first.end : first.end + _REACH]
    end = SENTENCE.search(behind)
    behind = behind[: end.start()] if end else behind.partition("\n")[0]
    near = words(ASIDE.split(front)[-1]) + words(behind.partition(",")[0])
    said = words(front) + words(behind)
    if one.denied or THEIRS.search(front) or _begin(near, CONTACT) or not _begin(said, _MAILBOX):
        return None
    return first if _begin(said, _OWN) or _begin(said, _LOST) else None


def _begin(said: Sequence[str], beginnings: tuple[str, ...]) -> bool:
    return any(word.startswith(beginnings) for word in said)
