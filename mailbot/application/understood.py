"""Whether every line and sentence of a letter is one of the parts that applications have (rules/applications.yaml).

A list of what an application must not say is never complete: what nobody understands is a doubt instead. A sentence is
understood when each of its clauses is made of the words of one part. Names are known by where they stand, never by a
list: beside a date, a postal code, "ul.", a legal form. Pure, linear in the text.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from mailbot.ruleset.model import ApplicationWords, Part
from mailbot.text.unicode import flat

_CAP = r"(?<!\w)[A-ZĄĆĘŁŃÓŚŹŻ][\w’'.]{0,40}(?:-[\w’']{1,40}){0,3}"
_TITLE = r"[A-ZĄĆĘŁŃÓŚŹŻ][a-ząćęłńóśźżöüäéß’']{1,40}(?:-[A-ZĄĆĘŁŃÓŚŹŻ][\w’']{1,40}){0,3}"
_DATE = r"(?:\d{1,2}[./-]\d{1,2}[./-]\d{2,4}|\d{4}[.-]\d\d[.-]\d\d)"
_MONTHS = (
    r"(?:stycznia|lutego|marca|kwietnia|maja|czerwca|lipca|sierpnia|wrze[sś]nia|pa[zź]dziernika|listopada|grudnia)"
)
_LONG_DATE = rf"\d{{1,2}}[ .]{{1,2}}(?:(?i:{_MONTHS})[ ]|[IVX]{{1,4}}[ .]{{1,2}})(?:\d{{4}}|br)"
_HOUSE = r"\d{1,4}[a-zA-Z]?(?:\s?[/-]\s?\d{1,4}[a-zA-Z]?)?(?:\s?(?:m|lok)\.?\s?\d{1,4})?"
_TOWN = rf"{_CAP}(?:[ ](?:k\.?|nad|pod|[A-ZĄĆĘŁŃÓŚŹŻ][\w-]{{0,40}}\.?)){{0,3}}"
_PLACES = tuple(
    re.compile(pattern, re.MULTILINE)
    for pattern in (
        # "Kraków, dnia 18 listopada 2026 r.", "Wrocław 20.11.2026"
        rf"(?:^|(?<=[:\t])|(?<=[.][ ]))[ \t]*{_TOWN}[ \t]*,?[ \t]*(?:(?:w[ ]dniu|dnia|dn\.?)[ \t]*)?"
        rf"(?:{_DATE}|{_LONG_DATE})",
        rf"(?:{_DATE}|{_LONG_DATE})(?:[ ]?r\.)?,?[ ]{_TOWN}(?=[ \t]*$)",
        # "Nowa Wieś 15, 62-200 Gniezno"
        rf"(?:{_TOWN}[ ]{_HOUSE},?[ \t]*\n?)?(?<!\d)\d\d[-–]\d{{3}}(?!\d)[ \t]*{_TOWN}",
        rf"(?i:\b(?:ul|al|os|pl)\.|\b(?:ulic[ay]|alei|aleja|osiedl[eu]|plac(?:u)?)\b)[ ]?(?:\d{{1,2}}[ ])?"
        rf"{_CAP}(?:[ ]{_CAP}){{0,3}}(?:[ ]{_HOUSE})?",
        rf"(?i:\b(?:zam\.|zamieszka[łl][aye]|miejscowo[śs][ćc]|miejsce(?:[ ]\w+)?|adres(?:[ ]\w+){{0,2}}|siedzib[aą])"
        r"[ ]?:?)"
        rf"[ \t]*(?:w[e]?[ ])?{_TOWN}(?:[ ,]{{1,2}}{_HOUSE})?",
        # "w Gdyni", "do Stanów", "z Nowego Sącza"
        rf"(?<=\s)(?:we?|ze?|do|ko[łl]o|pod|nad|na|ku|od|przez)[ ]\n?(?:{_TITLE}|USA|UE|UK|RFN|NRD)(?:[ ]{_TITLE})?"
        r"(?![ ]?[:@])",
    )
)
_STREET = re.compile(r"(?i)(?:ul|al|os|pl)\.\D{1,80}\d")
"""With the number of a house it is nothing else, whatever it is called after."""
_LEGAL = re.compile(
    r"(?i)(?:\bsp(?:[óo][łl]ka)?\.?\s{0,2}(?:z\s{0,2}o\.?\s{0,2}o|j|k|p)\b\.?(?:\s{0,2}sp\.?\s{0,2}k\b\.?)?|\bs\.\s?[acj]\.|"
    r"\bs\.\s?k\.(?:\s?a\.)?)"
)
_FIRM = re.compile(rf"(?i:\bfirm(?:a|y|ie|ę|ą)|\bsp[óo][łl](?:ka|ki|ce|kę|ką))[ ]?:?[ ]{_CAP}(?:[ ]{_CAP}){{0,3}}")
_MOST_OF_A_FIRM = 8
"""Words of a line that names one."""

_DONE = re.compile(r"(?i)(?:no|to|[łl]o)[ \t]+(?:w[ ]dniu|dnia|dn|\d)")
"""What was done on a day: a town stands before a comma."""
_ABBREVIATED = re.compile(
    r"(?i)(?<![\w.])(?:ul|al|os|pl|nr|tel|kom|dn|r|ur|zam|sp|np|tj|tzn|im|dr|mgr|in[żz]|woj|pow|gm|m|lok|art|"
    r"st|sz|p|itp|itd|dot)\."
)
_DEGREES = re.compile(
    r"(?<![\w.])(?i:mgr|in[żz]|dr|hab|prof|lek|adw|r[ ]?\.[ ]?pr|mec)\b\.?"
    r"(?=[ ]?(?:1\b|[A-ZĄĆĘŁŃÓŚŹŻ]|(?:mgr|in[żz]|hab|med)\b))"
)
"""What stands before a name."""
_END = re.compile(r"[.!?;…]+(?=[\s\"”)]|\Z)|\t")
_CLAUSE = re.compile(
    r"[,:()„”\"–—+/|•*]|\s-+\s"
    r"|(?i:(?<!\w)(?=(?:bo|poniewa[żz]|gdy[żz]|albowiem|kt[óo]r\w{1,4}|dlatego|wi[ęe]c|zatem|because|since|so|which)\b))"
    r"|(?i:(?<=\bwitam)\s|(?<=\bdobry)\s|(?<=\bhej)\s)"
    r"|(?i:\s(?=(?:pozdrawiam|dzi[eę]kuj[eę]|z[ ]g[oó]ry|z[ ]powa[zż]aniem)\b))"
)
_OPEN = re.compile(
    r"(?i)(?:[,–-]|(?<!\w)(?:i|a|o|w|we|z|ze|na|do|od|oraz|lub|przez|dla|po|że|bo|jest|mój|moje|nie|się))\Z"
)
_OPENS = re.compile(r"(?i)(?:ul|al|os|pl|tel|kom|nip|regon|pesel|e-?mail|mail)\b[.: ]|(?:\w+[ ]){0,4}\w+:(?:\s|\Z)")
"""What begins a line of its own, though in small letters: a part of an address, a label."""
_WIDE = 60
"""Letters of a line that may go on in the next one, whatever that begins with."""
_WORD = re.compile(r"[^\W\d_]+")
_JOINT = re.compile(r"(?<=[^\W_])[-'’](?=[^\W_])")
_LEAST_SPARE = 2
_TOLD = 3
"""Words: what has happened takes a sentence."""
_SUBJECT = 4
"""Words: longer ones are a clause of their own."""
_RELATIVE = re.compile(r"(?i)kt[óo]r\w{1,4}\Z")
_ACRONYM = 6
_MINE = re.compile(r"[aeidkz]l[ae]m\Z")
"""How a verb ends of what the writer has done."""
_HAPPENED = re.compile(r"...(?:l|la|lo|li|ly)\Z")
"""How a verb ends of what another has done, in small letters without diacritics."""
_VERB = re.compile(r"(?i)(?:ę|ąc|am|no|to|uj[eą]|łem)\Z")
"""What acts, orders or is done by nobody: no word that may pass without being understood."""


def whole(text: str) -> str:
    """``text`` in which the stop of an abbreviation ends no sentence."""
    return _ABBREVIATED.sub(lambda found: found[0][:-1] + " ", text)


def parted(text: str, letter: ApplicationWords) -> list[str]:
    """The lines and sentences of ``text``, which has no addresses and no name of the applicant, without its places."""
    return list(_sentences(_placeless(text, letter)))


def strange(parts: Iterable[str], letter: ApplicationWords) -> tuple[str, ...]:
    """Those of the lines and sentences that are no part of an application, as far as they are not understood."""
    known = _Known(letter)
    found = [said for said in parts if not known.understands(said)]
    if not found and known.spared > letter.others:
        return ("wiele słów o czymś innym",)
    return tuple(dict.fromkeys(" ".join(found_in.split()) for found_in in found))


class _Known:
    """The parts of a letter, with what was looked up already."""

    def __init__(self, letter: ApplicationWords) -> None:
        self._letter, self._parts, self._never = letter, letter.parts, letter.never
        self._seen: dict[str, int] = {}
        self.spared = 0

    def understands(self, sentence: str) -> bool:
        clauses = clauses_of(sentence)
        if not clauses:
            return True
        said = [[flat(word) for words in clauses for word in words]]
        open_parts = [i for i, part in enumerate(self._parts) if self._may_be(part, said)]
        asks = any(word in self._letter.asking or word in self._letter.heads for word in said[0])
        found = 0
        for words in clauses:
            others = [few for i in open_parts if (few := self._others(words, i, len(said[0]), asks=asks)) is not None]
            if not others:
                return False
            found += min(others)
        self.spared += found
        return found * (_LEAST_SPARE + 1) <= len(said[0])

    def _may_be(self, part: Part, said: list[list[str]]) -> bool:
        if part.spare and sum(len(word) > 1 for word in said[0]) < _TOLD and not any(map(_MINE.search, said[0])):
            return False
        if part.past and not any(_HAPPENED.search(word) for word in said[0]):
            return False
        return part.book is None or bool(part.book.found(said))

    def _others(self, words: list[str], index: int, most: int, *, asks: bool) -> int | None:
        """The number of words that are none of a part's; None when they cannot be let pass in ``most`` words."""
        bit, part = 1 << index, self._parts[index]
        if part.without.whole and any(flat(word) in part.without for word in words):
            return None
        known = [len(word) == 1 or bool(self._meaning(flat(word)) & bit) for word in words]
        others = [word for word, is_known in zip(words, known, strict=True) if not is_known]
        if not others:
            return 0
        count = _things(known)
        if part.spare is None or (len(words) if asks else most) < count * (part.spare + 1) or not any(known):
            return None
        if asks and not self._may_be(part, [[flat(word) for word in words]]):
            return None  # beside what is asked, a clause tells by itself what has happened
        if all(word.isupper() for word in words) or any(len(word) > _ACRONYM and word.isupper() for word in others):
            return None  # where everything is capitals they tell no name
        return None if any(self._is_told(word) for word in others) else count

    def _is_told(self, word: str) -> bool:
        """Whether a word may say what must be understood."""
        return _VERB.search(word) is not None or flat(word) in self._never

    def _meaning(self, word: str) -> int:
        """The parts that have a word, as bits."""
        found = self._seen.get(word)
        if found is None:
            found = sum(1 << i for i, part in enumerate(self._parts) if word in part.words)
            self._seen[word] = found
        return found


def _things(known: Sequence[bool]) -> int:
    """How many unknown things a clause names: two words in a row are a noun with its adjective."""
    count = i = 0
    while i < len(known):
        if known[i]:
            i += 1
        else:
            count += 1
            i += 1 if known[i + 1 : i + 2] != [False] else 2
    return count


def clauses_of(sentence: str) -> list[list[str]]:
    """The words of each clause; a subject goes with what is said of it: "Firma informatyczna, która…"."""
    found: list[list[str]] = []
    for part in _CLAUSE.split(sentence):
        words = _WORD.findall(_JOINT.sub("", part))
        if words and found and len(found[-1]) < _SUBJECT and _RELATIVE.match(words[0]):
            found[-1] += words
        elif words:
            found.append(words)
    return found


def _placeless(text: str, letter: ApplicationWords) -> str:
    """``text`` without the names of places and firms; what a date was is the word of a month."""
    lines = [_firmless(line, letter) for line in _DEGREES.sub("", text).split("\n")]
    text = "\n".join(lines)
    for pattern in _PLACES:
        text = pattern.sub(
            lambda found: found[0] if not _STREET.match(found[0]) and _is_told(found[0], letter) else " 1 ", text
        )
    return re.sub(_DATE, " stycznia ", text)


def _is_told(place: str, letter: ApplicationWords) -> bool:
    """Whether what stands where a place does is more than its name: "Odebrano dnia 3.11.2026", "ADRES NIE DZIAŁA"."""
    words = [flat(word) for word in _WORD.findall(place)]
    if place.isupper() and len(words) > 1 and all(word in letter.words for word in words):
        return True
    return _DONE.search(place) is not None or any(word in letter.never for word in words)


def _firmless(line: str, letter: ApplicationWords) -> str:
    """A line without the name of the firm that stands in it."""
    if len(line.split()) <= _MOST_OF_A_FIRM and (legal := _LEGAL.search(line)):
        front = line[: legal.start()]
        label, colon, name = front.rpartition(":")
        if all(word[:1].isupper() for word in name.split()) and not _is_told(name, letter):
            return f"{label}{colon} 1 {line[legal.end() :]}"
    words = _WORD.findall(line)
    if _is_told(line, letter):
        return line
    if 1 < len(words) <= _MOST_OF_A_FIRM and flat(words[0]) in letter.firms and all(w[0].isupper() for w in words):
        return ""
    return _FIRM.sub("firma", _LEGAL.sub(" ", line))


def _sentences(text: str) -> Iterator[str]:
    for line in _lines(text):
        yield from (part for part in _END.split(whole(line)) if part)


def _lines(text: str) -> Iterator[str]:
    """The lines of ``text``, those put together that were one before a margin broke it."""
    joined = last = ""
    for line in (*text.split("\n"), ""):
        line = line.strip()
        if joined and line and _goes_on(last, line):
            joined += " " + line
        else:
            if joined:
                yield joined
            joined = line
        last = line


def _goes_on(line: str, following: str) -> bool:
    if line.endswith((".", "!", "?", ";")):
        return False
    if line.endswith(":"):
        return following[0].islower()
    if _OPENS.match(following):
        return False
    return following[0].islower() or len(line) >= _WIDE or _OPEN.search(line) is not None
