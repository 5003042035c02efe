"""Whether a document asks for what case B gives: a new emergency password and a new login of the writer's own account.

The cryptography says who signed, this says what: whoever is made to sign another paper must not lose the account by it.
The words are data (rules/applications.yaml). Positive evidence is asked for, no denial, and one matter only. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime

from mailbot.application import alike
from mailbot.application.data import Application, Reading
from mailbot.application.dated import untimely
from mailbot.application.telling import BETWEEN, DENIALS, introduced, untoward
from mailbot.application.understood import parted, strange, whole
from mailbot.application.whole import cut
from mailbot.request.names import forms
from mailbot.ruleset.model import ApplicationWords, Matter
from mailbot.ruleset.sayings import Saying, plain, sentences
from mailbot.text.unicode import flat, visible

LONGEST = 4_000
"""Characters: an application is a page."""
DENIED = "zaprzeczona-prosba"
OTHER_WORDS = "inne-slowa"
UNTICKED = "niezaznaczone"
MARKED = "znaki"
QUOTED = "przytoczona-prosba"
SAID_NO = "nie"
OTHER_LETTERS = "inne-litery"
TOO_LONG = "za-dlugie"
_INITIAL = 2
_MOST_SHOWN = 5
_SHOWN = 120

_ADDRESS = re.compile(r"[^\s<>()\[\]{},;:\"„”|/\\=]*@[^\s<>()\[\]{},;:\"„”|/\\=]*")
_CUT = re.compile(r"(?<=[^\W\d_])[-\u2010\u00ad]\n[ \t]*(?=[^\W\d_A-ZĄĆĘŁŃÓŚŹŻ])")
_ONLY_PAGE = re.compile(r"(?mi)^[ \t]*(?:-[ ])?(?:(?:strona|str|page)\.?[ ])?1(?:[ ]?(?:z|/|of)[ ]?1)?(?:[ ]-)?[ \t]*$")
"""The number of a page that no other one follows."""
_SPACED = re.compile(r"(?<![^\W_])(?:[^\W\d_] ){3,}[^\W\d_](?![^\W_])")
_LISTED = re.compile(r"(\bo:)[ \t]*\n\s*\n")
"""A list of what is asked, set apart: "proszę o:"."""
_ITEM = re.compile(r"(?m)^[ \t]*(?:\(?(?:\d{1,2}|[a-zA-Z])[.)]|[-–—•·*▪●○])[ \t]+")
_QUOTED = re.compile(r"[„”“\"«»‚‘’‹›][^„”“\"«»‚‘’‹›]{12,1000}[„”“\"«»‚‘’‹›]|\([^()]{40,1000}\)|(?<!\w)'[^']{40,1000}'")
_HANDED_ON = re.compile(r"(?m)^[ \t]*>.*$")
"""What a mail program marks as the words of another mail."""
_NO = re.compile(
    r"(?i)(?<!\w)(?:nie|nein)\s{0,3}[.!]"
    r"|(?m:^)[^\w\n]{0,9}(?:(?:\w{1,40}[ \t]{1,9}){0,2}\w{1,40}[ \t]{0,9}:)?\s{0,3}"
    r"(?:nie|nein|no)[^\w\n]{0,9}x?[^\w\n]{0,9}(?=\n|\Z)"
)
"""A "no" that denies no word of its own sentence but what is asked."""
_MARKED = re.compile(
    r"[{}`~#]|(?m:^[ \t]*§)|(?mi:^[ \t]*(?:s|str)\.?[ ]?\d{1,3}\W{0,3}$)|/\*|\*/|(?m:^[ \t]*(?://|%))|(?:[^\W\d_]-){3}"
)
"""Signs by which writers strike out or set apart, and letters have none of them."""
_UNTICKED = re.compile(r"\[[ _.]{0,3}\]|\([ _]{1,3}\)|[\u2610\u25a1\u25a2\u25fb\u2751\u2752]")
_WORD = re.compile(r"[^\W\d_]{2,}")
_START = re.compile(
    r"(?:\A|\n|(?<=[.!?;–—])\s)\s*"
    r"(?:(?:dotyczy|temat|tytul|tresc|sprawa|w sprawie|re|subject|niniejszy|niniejsza|moj|moja)\s{1,3})?"
)
_GAP = re.compile(r"\A([^\W_]+)\s+")
"""Behind the head of a title: "WNIOSEK" may be a line of its own."""
_HEAD = re.compile(r"[^\W_]+")
_TITLE = 300
_NAME = re.compile(r"[A-ZĄĆĘŁŃÓŚŹŻ]\w+[^\S\n]+[A-ZĄĆĘŁŃÓŚŹŻ]\w+")
_NAMES = ("imię", "nazwisko")
_PART = re.compile(r"[.!?;](?=\s|\Z)|\n")
_JOINT = re.compile(r"(?<=[^\W_])[-'’](?=[^\W_])")
_SIGNS = (
    (UNTICKED, "pole wyboru, którego nie zaznaczono", _UNTICKED),
    (MARKED, "znaki, którymi skreśla się albo wyodrębnia tekst", _MARKED),
    (SAID_NO, "samo „nie”", _NO),
    (OTHER_LETTERS, "litery innego pisma", re.compile(r"[\u0370-\u1cff\u2c80-\ua6ff\uac00-\ufaff]")),
)


@dataclass(frozen=True, slots=True)
class Lack:
    """Something that a letter lacks, or says and must not."""

    name: str
    title: str
    said: str = ""
    """The sayings that were found, or the words that do not belong."""
    clause: bool = False
    """Whether ``said`` is a clause of the letter."""


@dataclass(frozen=True, slots=True)
class PurposeResult:
    """What a text says of case B."""

    found: tuple[str, ...]
    """Names of what is wanted and there."""
    lacking: tuple[Lack, ...]
    against: tuple[Lack, ...]

    @property
    def granted(self) -> bool:
        """Whether it is the application, beyond doubt."""
        return not self.lacking and not self.against

    @property
    def notes(self) -> tuple[str, ...]:
        """For the person who decides instead, in Polish."""
        missing = tuple(f"we wniosku nie widać: {lack.title}" for lack in self.lacking)
        return (*missing, *(f"we wniosku jest: {lack.title}{_told(lack)}" for lack in self.against))


def _told(lack: Lack) -> str:
    """What was not understood, for the person who must."""
    return f": {lack.said}" if lack.name == OTHER_WORDS or lack.clause else ""


def judged(reading: Reading, letter: ApplicationWords, at: datetime | None = None) -> Application:
    """The application of ``reading``, with a doubt for everything that keeps its text, or its picture, from asking.

    ``at``: when the mail came; None: the day that the letter bears is not asked.

    In the picture the words of the text must ask that recognition has seen there, however it spelt them. What it reads
    of another matter counts as well; words that it has read wrong are none.
    """
    application = reading.application
    if not application.readable:
        return application
    found = judge(nameless(reading.text, application, letter), letter).notes
    if at is not None:
        found += untimely(reading.text, at)
    if len(reading.text) <= LONGEST:
        found += cut(reading.text, letter.words)
        if not set(application.missing).isdisjoint(_NAMES) and _NAME.search(_without_known(reading.text, letter)):
            found += ("a name may stand there that was not recognised",)
    if reading.seen is not None:
        lacking = judge(nameless(alike.seen_of(reading.text, reading.seen), application, letter), letter).lacking
        seen = judge(nameless(reading.seen, application, letter), letter)
        against = tuple(lack for lack in seen.against if lack.name != OTHER_WORDS and not lack.clause)
        found += tuple(f"na obrazie: {note}" for note in replace(seen, lacking=lacking, against=against).notes)
    return replace(application, doubts=(*application.doubts, *found))


def nameless(text: str, application: Application, letter: ApplicationWords) -> str:
    """``text`` without the applicant's name, in any case: it may be a word of its own (Marek Obcy, Jan Skarga).

    In small letters only where it was written so, and is no word that must be understood.
    """
    if len(text) > LONGEST:
        return text
    given, surname = application.given or "", application.surname or ""
    said = {flat(word): word for word in _WORD.findall(f"{given} {surname}") if len(word) > _INITIAL}
    own = {*said, *(word for form in forms(given, surname, None) for word in form if len(word) > _INITIAL)}

    def kept(word: str) -> str:
        low = flat(word)
        if low not in own:
            return word
        small = low in said and said[low].islower() and low not in letter.never
        return "1" if word[0].isupper() or small else word

    return _WORD.sub(lambda word: kept(word[0]), text)


def _without_known(text: str, letter: ApplicationWords) -> str:
    return _WORD.sub(lambda word: "." if flat(word[0]) in letter.words else word[0], _ADDRESS.sub(".", text))


def judge(text: str, letter: ApplicationWords) -> PurposeResult:
    """What ``text``, all that a reader of the document sees, says of case B. Linear in the text."""
    if len(text) > LONGEST:
        return PurposeResult((), (), (Lack(TOO_LONG, f"więcej niż {LONGEST} znaków"),))
    mended = _mended(visible(text))
    said = _said(whole(mended))
    everything = letter.book.found(sentences(plain(said)))
    own, denied = _asked(plain(_HANDED_ON.sub(" . ", _QUOTED.sub(" . ", said))), letter)
    lacking = tuple(Lack(m.name, m.title) for m in letter.wanted if not _texts((*m.said, *m.begins)) & own)
    against = [_lack(matter, everything) for matter in letter.against if _holds(matter, everything)]
    if denied:
        against.append(Lack(DENIED, "zaprzeczenie w zdaniu z prośbą", ", ".join(denied)))
    against += [Lack(name, title) for name, title, sign in _SIGNS if sign.search(_ADDRESS.sub("1", text))]
    parts = parted(_ADDRESS.sub(_stop, mended), letter)
    against += [
        Lack(telling.name, telling.title, clause[:_SHOWN], clause=True) for telling, clause in untoward(parts, letter)
    ]
    against += [Lack(QUOTED, "prośba przytoczona", said[:_SHOWN], clause=True) for said in introduced(parts, letter)]
    if others := strange(parts, letter):
        against.append(
            Lack(OTHER_WORDS, "coś, czego nie rozumiem", " | ".join(one[:_SHOWN] for one in others[:_MOST_SHOWN]))
        )
    missing = {lack.name for lack in lacking}
    return PurposeResult(tuple(m.name for m in letter.wanted if m.name not in missing), lacking, tuple(against))


def _asked(text: str, letter: ApplicationWords) -> tuple[frozenset[str], list[str]]:
    """The sayings that stand in a plain text, and what is denied in the sentences of those that ask."""
    found: set[str] = set()
    denied: list[str] = []
    asking = frozenset(text for matter in letter.wanted if matter.begins for text in _texts(matter.said))
    for sentence in sentences(text):
        said = letter.book.found([sentence])
        found |= said
        if said & asking:
            denied += _denied(sentence, letter)
    for title in _beginnings(text, letter):
        found |= letter.titles.found([title])
    return frozenset(found), denied


def _beginnings(text: str, letter: ApplicationWords) -> Iterator[tuple[str, ...]]:
    """The titles of a plain text: what one of the heads begins, in lines of words of titles and nothing else.

    A head within a title is left out, so that a saying can only begin with the first one.
    """
    for start in _START.finditer(text):
        rest = text[start.end() : start.end() + _TITLE]
        head = _HEAD.match(rest)
        if head is None or head[0] not in letter.heads:
            continue
        title: list[str] = []
        for line in _GAP.sub(r"\1 ", rest).split("\n"):
            said = [word for sentence in sentences(line)[:1] for word in sentence]
            if not said or any(word not in letter.titled for word in said):
                break
            title += said if not title else [word for word in said if word not in letter.heads]
        if title:
            yield (title[0], *(word for word in title[1:] if word not in letter.heads))


def _denied(sentence: tuple[str, ...], letter: ApplicationWords) -> list[str]:
    """The denials behind the asking of a sentence that are not those of honest people."""
    asked = next(i for i, word in enumerate(sentence) if word in letter.asking)
    said = (*sentence, "", "")
    return [
        f"{said[i]} {said[i + 1]}"
        for i in range(asked, len(sentence))
        if said[i] in DENIALS
        and said[i + 1] not in letter.denied
        and not (said[i + 1] in BETWEEN and said[i + 2] in letter.denied)
    ]


def _mended(text: str) -> str:
    """``text`` without numbers of lists, words put together that a line end or the printer's spacing cut."""
    text = _LISTED.sub(r"\1\n", text)
    text = _SPACED.sub(lambda found: found[0].replace(" ", ""), _CUT.sub("", text))
    return _ITEM.sub("", _ONLY_PAGE.sub("", text))


def _stop(address: re.Match[str]) -> str:
    """What ends a sentence, though it stood at the end of an address."""
    return ". " if address[0].endswith(".") else " "


def _said(text: str) -> str:
    """``text`` without addresses and colons."""
    return _ADDRESS.sub(" ", text).replace(":", " ")


def _holds(matter: Matter, found: frozenset[str]) -> bool:
    return bool(_texts(matter.said) & found) and not _texts(matter.unless) & found


def _texts(sayings: tuple[Saying, ...]) -> frozenset[str]:
    return frozenset(saying.text for saying in sayings)


def _lack(matter: Matter, found: frozenset[str]) -> Lack:
    return Lack(matter.name, matter.title, "; ".join(sorted(_texts(matter.said) & found)))
