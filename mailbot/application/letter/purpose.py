"""Whether a document asks for what case B gives: a new emergency password and a new login of the writer's own account.

The cryptography says who signed, this says what: whoever is made to sign another paper must not lose the account by it.
The words are data (rules/applications.yaml). Positive evidence is asked for, no denial, and one matter only. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from mailbot.application.data import Application, Reading
from mailbot.application.letter import alike
from mailbot.application.letter.dated import untimely
from mailbot.application.letter.licence import unlicensed
from mailbot.application.letter.mistyped import corrected
from mailbot.application.letter.places import townless
from mailbot.application.letter.sentences import ADDRESS, parted, spelt_out, whole
from mailbot.application.letter.whole import cut, torn
from mailbot.request.names import forms
from mailbot.ruleset.model import ApplicationWords, Matter
from mailbot.ruleset.sayings import Saying, Sentences, plain, sentences
from mailbot.text import polish
from mailbot.text.unicode import flat, visible

LONGEST = 4_000
"""Characters: an application is a page."""
OTHER_WORDS = "inne-slowa"
UNTICKED = "niezaznaczone"
MARKED = "znaki"
SAID_NO = "nie"
SPELLED = "rozbite-slowa"
ASKED_BACK = "pytanie"
SUM = "kwota"
PART = "czesc"
NO_TOWN = "miejscowosc"
OTHER_LETTERS = "inne-litery"
TERM = "termin"
TOO_LONG = "za-dlugie"
OLD, NEW = "starylogin", "nowylogin"
"""The words of ``against`` for the two addresses."""
_INITIAL = 2
_MOST_SHOWN = 5
_SHOWN = 120

_CELL = re.compile(r"(?<=\S)[ ]?\t[ ]?(?=[^\s<>()\[\]{},;:\"„”|/\\=]*@)")
"""Between a label and its address, in a table."""
_ADDRESS = re.compile(r"[^\s<>()\[\]{},;:\"„”|/\\=]*@[^\s<>()\[\]{},;:\"„”|/\\=]*")
_LAST = re.compile(rf"{_ADDRESS.pattern}(?=[ \t]*\n\s*[A-ZĄĆĘŁŃÓŚŹŻ])")
_ENDS_LINE = re.compile(rf"{_ADDRESS.pattern}(?=[ \t]*\n)")
_CUT = re.compile(r"(?<=[^\W\d_])[-\u2010\u00ad]\n[ \t]*(?=[^\W\d_A-ZĄĆĘŁŃÓŚŹŻ])")
_ONLY_PAGE = re.compile(r"(?mi)^[ \t]*(?:-[ ])?(?:(?:strona|str|page)\.?[ ])?1(?:[ ]?(?:z|/|of)[ ]?1)?(?:[ ]-)?[ \t]*$")
"""The number of a page that no other one follows."""
_PAGE_OF = re.compile(r"(?mi)^[ \t]*(?:-[ ])?(\d{1,2})[ ]?(?:z|/|of)[ ]?(\d{1,2})(?:[ ]-)?[ \t]*$")
_SPACED = re.compile(r"(?<![^\W_])(?:[^\W\d_] ){3,}[^\W\d_](?![^\W_])")
_BLANK = re.compile("[\u00a0\u2002-\u200a\u202f]")
"""Between two words that no line end may part, and as wide as another."""
_LISTED = re.compile(r"(\bo:)[ \t]*\n\s*\n")
"""A list of what is asked, set apart: "proszę o:"."""
_ITEM = re.compile(
    r"(?m)^[ \t]*(?:\(?(?:\d{1,2}|[a-zA-Z])[.)]|[-–—•·*▪●○])[ \t]+|(?<=[:,;]) \(?(?:[1-9]|[a-e])[.)](?= [^\W\d_])"
)
"""The number of a point, before its line or in one: "wnoszę o: 1. nadanie …, 2. zmianę …"."""
_DOMAIN = re.compile(
    r"(?i)(\bdomen(?:a|ie|y|ę|e)[ ])(?!puesc)[a-z0-9-]{2,40}(?:\.[a-z0-9-]{2,40}){0,2}\.(?:[a-z]{2,3}|example|info)\b"
)
"""The name of a domain behind the word for one."""
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
    r"[{}`~#¬\u2200-\u2211\u2213-\u2216\u221a-\u2235\u223d-\u22c4\u22c6-\u22ff\u2613\u2620-\u2623\u2639\u26a0-\u26ff"
    r"\u2715-\u2718\u274c-\u2757]|(?![📞📠📧📱🏠📍])[\U0001f000-\U0001fbff]|"
    r"(?m:^[ \t]*§)|(?mi:^[ \t]*(?:s|str)\.?[ ]?\d{1,3}\W{0,3}$)|/\*|\*/|(?m:^[ \t]*(?://|%))|(?:[^\W\d_]-){3}"
    r"|\[(?!\s*e?-?podpis)[^\]\n]{0,80}[^\W\d_]{3}[^\]\n]{0,80}\]"
)
"""Signs by which writers strike out, deny, mock or set apart, and letters have none of them."""
_SPELLED = re.compile(
    r"(?<![^\W_])(?<!AKC[- ])(?!z[ .]{0,2}o[ .]{0,2}o\b|(?:F|P\.?[ ]?P?)\.[ ]?H\.[ ]?U\b|"
    r"\w[\W_]{1,3}[nw]/w\b)(?:[^\W\d_][\W_]{1,3}){2}[^\W\d_](?![^\W_])"
    r"|[^\W\d_]\d+[^\W\d_]"
)
"""Words that only an eye puts together: "N I E", "n1e". Each of their letters alone could be an initial."""
_ASKED_BACK = re.compile(
    r"(?i)\b(?:prosz[eę]|poprosz[eę]|wnosz[eę]|wnioskuj[eę])\b"
    r"(?:(?!\b(?:czy|jak|kiedy)\b)[^.!?;:\n]|\n(?-i:(?=[a-ząćęłńóśźż]))){0,400}[.!]?\?"
)
"""Who asks whether he asks, does not: "Ja? Proszę o hasło?"."""
_TERM = re.compile(
    r"(?im)(?:^|[.!?;])[ \t]*we?[ ](?:styczniu|lutym|marcu|kwietniu|maju|czerwcu|lipcu|sierpniu|wrze[sś]niu"
    r"|pa[zź]dzierniku|listopadzie|grudniu)(?:[ ]\d{4})?(?:[ ](?:r\b|roku))?[ \t]*(?:[.!?;]|$)"
)
"""A month that is all of a sentence: when what is asked shall be. Any kind has its letters and its name."""
_UNTICKED = re.compile(r"\[[ _.]{0,3}\]|\([ _]{1,3}\)|[\u2610\u25a1\u25a2\u25fb\u2751\u2752]")
_WORD = re.compile(r"[^\W\d_]{2,}")
_START = re.compile(
    r"(?:\A|\n|(?<=[.!?;–—])\s)\s*"
    r"(?:(?:oto|ponizej)\s{1,3})?"
    r"(?:(?:dotyczy|temat|tytul|tresc|sprawa|w sprawie|re|subject|niniejszy|niniejsza|moj|moja)\s{1,3})?"
)
_GAP = re.compile(r"\A([^\W_]+)\s+")
"""Behind the head of a title: "WNIOSEK" may be a line of its own."""
_HEAD = re.compile(r"[^\W_]+")
_TITLE = 300
_NAME = re.compile(r"[A-ZĄĆĘŁŃÓŚŹŻ]\w+[^\S\n]+[A-ZĄĆĘŁŃÓŚŹŻ]\w+")
_NAMES = ("imię", "nazwisko")
_MINE = {"prosi": "proszę", "wnosi": "wnoszę", "wnioskuje": "wnioskuję", "zwraca": "zwracam", "sklada": "składam"}
_OF_HIMSELF = re.compile(
    r"((?:(?m:^)|(?<=[.!?][ ])|(?<=\b[Jj]a,[ ])|(?<=\b[Jj]a[ ]))\s{0,9}1[ ]1,?(?:[ ]ni[zż]ej[ ]podpisan[ya],?)?[ ])"
    r"(prosi|wnosi|wnioskuje|zwraca|sk[lł]ada)(?=[ ])"
)
"""What the applicant, behind the own name, says as another would: "Jan Kowalski wnosi o …"."""
_LABELLED = re.compile(
    r"(?i)\b(?:imi[eę]|nazwisko)(?:[ ][^:\n]{0,30})?:[^\S\n]*[^\W\d_]{2,}(?![^\n]{0,40}:)|\bnazywam\s+si[eę]\s+\w"
)
"""A label of a name with a word behind it that is no label itself."""
_PART = re.compile(r"[.!?;](?=\s|\Z)|\n")
_JOINT = re.compile(r"(?<=[^\W_])[-'’](?=[^\W_])")
_MISREAD = frozenset({OTHER_WORDS, SPELLED, SUM, PART, NO_TOWN})
"""What recognition takes for such signs and words is often none."""
_SMUDGE = re.compile(r"(?<=[^\W\d_])[{}`¬](?![{}`¬])")
"""What recognition makes of a last letter or its dot ("nize}"); the text itself has no such sign then."""
_SIGNS = (
    (UNTICKED, "pole wyboru, którego nie zaznaczono", _UNTICKED),
    (MARKED, "znaki, którymi skreśla się albo wyodrębnia tekst", _MARKED),
    (SAID_NO, "samo „nie”", _NO),
    (SPELLED, "słowa rozbite na litery", _SPELLED),
    (ASKED_BACK, "prośba, o którą się pyta", _ASKED_BACK),
    (TERM, "sam miesiąc, w którym coś ma być", _TERM),
    (SUM, "kwota pieniędzy", re.compile(r"[$\u00a2-\u00a5\u20a0-\u20cf]")),
    (OTHER_LETTERS, "litery innego pisma", re.compile(r"[\u0370-\u1cff\u2c80-\ua6ff\uac00-\ufaff]")),
)


@dataclass(frozen=True, slots=True)
class Lack:
    """Something that a letter lacks, or says and must not."""

    name: str
    title: str
    said: str = ""
    """The sayings that were found, or the clauses that do not belong."""


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
    return f": {lack.said}" if lack.name == OTHER_WORDS else ""


def judged(reading: Reading, letter: ApplicationWords, at: datetime | None = None) -> Application:
    """The application of ``reading``, with a doubt for everything that keeps its text, or its picture, from asking.

    ``at``: when the mail came; None: the day that the letter bears is not asked.

    In the picture the words of the text must ask that recognition has seen there, however it spelt them. What it reads
    of another matter counts as well; words that it has read wrong are none.
    """
    application = reading.application
    if not application.readable:
        return application
    found = judge(nameless(reading.text, application, letter), letter, application).notes
    if at is not None:
        found += untimely(reading.text, at)
    if len(reading.text) <= LONGEST:
        found += cut(reading.text, letter.words)
        if not set(application.missing).isdisjoint(_NAMES) and _may_name(reading.text, letter):
            found += ("a name may stand there that was not recognised",)
    if reading.seen is not None:
        lacking = judge(nameless(alike.seen_of(reading.text, reading.seen), application, letter), letter).lacking
        seen = judge(nameless(_SMUDGE.sub("", reading.seen), application, letter), letter)
        against = tuple(lack for lack in seen.against if lack.name not in _MISREAD)
        found += tuple(f"na obrazie: {note}" for note in replace(seen, lacking=lacking, against=against).notes)
    return replace(application, doubts=(*application.doubts, *found), torn=torn(reading.text[:LONGEST], letter.words))


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

    written = {flat(f"{given} {surname}"), flat(f"{surname} {given}")} - {" "}
    text = "\n".join("1 1" if flat(line.strip(" \t.,")) in written else line for line in text.split("\n"))
    bare = _WORD.sub(lambda word: kept(word[0]), text)
    return _OF_HIMSELF.sub(lambda found: f"{found[1]}{_MINE[flat(found[2])]}", bare)


def _may_name(text: str, letter: ApplicationWords) -> bool:
    """Whether somebody may be named in ``text`` whose name is a word of letters as well (Jan Nowy)."""
    bare = _without_known(text, letter)
    given = (word[0] for word in _WORD.finditer(bare) if word[0][0].isupper())
    return bool(_NAME.search(bare) or _LABELLED.search(_ADDRESS.sub(".", text))) or any(map(_is_given_name, given))


def _is_given_name(word: str) -> bool:
    return any("imię" in sense.kinds for sense in polish.senses(word.title()))


def _without_known(text: str, letter: ApplicationWords) -> str:
    return _WORD.sub(lambda word: "." if flat(word[0]) in letter.words else word[0], _ADDRESS.sub(".", text))


def judge(text: str, letter: ApplicationWords, application: Application | None = None) -> PurposeResult:
    """What ``text``, all that a reader of the document sees, says of case B. Linear in the text.

    ``application``: whose two addresses read as the words for them, so that nothing is said of one as of the other.
    """
    if len(text) > LONGEST:
        return PurposeResult((), (), (Lack(TOO_LONG, f"więcej niż {LONGEST} znaków"),))
    written = _mended(visible(text))
    meant = corrected(written, letter)
    own = _asked(plain(_HANDED_ON.sub(" . ", _QUOTED.sub(" . ", _said(whole(meant))))), letter)
    lacking = tuple(Lack(m.name, m.title) for m in letter.wanted if not _texts((*m.said, *m.begins)) & own)
    against = list(_against(meant, letter, application))
    if meant != written:
        against += [lack for lack in _against(written, letter, application) if lack not in against]
    bare = _ADDRESS.sub(lambda found: "1" + _stop(found), spelt_out(_unspaced(text)))
    against += [Lack(name, title) for name, title, sign in _SIGNS if sign.search(bare)]
    pages = [(int(page), int(count)) for page, count in _PAGE_OF.findall(bare)]
    if any(count not in (page for page, _ in pages) for _, count in pages):
        against.append(Lack(PART, "numer strony, a innych stron nie ma"))
    if townless(written, letter):
        against.append(Lack(NO_TOWN, "przed datą słowo, które nie jest miejscowością"))
    if others := list(dict.fromkeys(unlicensed(parted(_addressed(meant, application), letter), letter))):
        against.append(
            Lack(OTHER_WORDS, "coś, czego nie rozumiem", " | ".join(one[:_SHOWN] for one in others[:_MOST_SHOWN]))
        )
    missing = {lack.name for lack in lacking}
    return PurposeResult(tuple(m.name for m in letter.wanted if m.name not in missing), lacking, tuple(against))


def _against(text: str, letter: ApplicationWords, application: Application | None) -> Iterator[Lack]:
    """The matters of ``against`` that a mended text speaks of."""
    told = sentences(plain(_said(whole(text))))
    alone = [letter.book.found([sentence]) for sentence in (*told, *_roles(text, application))]
    found = _Found(letter.book.found(told), alone)
    return (_lack(matter, found) for matter in letter.against if _holds(matter, found))


def _asked(text: str, letter: ApplicationWords) -> frozenset[str]:
    """The sayings that stand in a plain text, and its titles."""
    return letter.book.found(sentences(text)) | letter.titles.found(list(_beginnings(text, letter)))


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


def _mended(text: str) -> str:
    """``text`` without numbers of lists, with one kind of blanks, and with words put together that a line end cut,
    or the spacing of a printer."""
    text = _LISTED.sub(r"\1\n", _BLANK.sub(" ", text))
    return _ITEM.sub("", _ONLY_PAGE.sub("", _unspaced(_CUT.sub("", text))))


def _unspaced(text: str) -> str:
    return _SPACED.sub(lambda found: found[0].replace(" ", ""), text)


def _addressed(text: str, application: Application | None) -> str:
    """``text`` with the word for each address and its mark, and with the stop of a sentence that stood at its end."""
    known = {application.old_login: "starego", application.new_email: "nowy"} if application else {}

    def named(found: re.Match[str]) -> str:
        word = known.get(found[0].rstrip("."))
        return (f" {word} {ADDRESS}, " if word else " ") + _stop(found) + " "

    text = _DOMAIN.sub(r"\1", text)
    return _ADDRESS.sub(named, _CELL.sub(": ", text.replace(ADDRESS, "?")))


def _roles(text: str, application: Application | None) -> Sentences:
    """The sentences of ``text`` with a word for each of the two addresses: what is said of it stands beside it."""
    if application is None:
        return []
    known = {application.old_login: OLD, application.new_email: NEW}

    def named(found: re.Match[str]) -> str:
        return f" {known.get(found[0].rstrip('.'), '')} " + _stop(found)

    ended = _ENDS_LINE.sub(r"\g<0> .", whole(text))
    return sentences(plain(_ADDRESS.sub(named, ended).replace(":", " ")))


def _said(text: str) -> str:
    """``text`` without addresses and colons. An address that ends a line, or with its stop a sentence, ends what is
    said, but for a broken line."""
    ended = _LAST.sub(r"\g<0> .", text)
    return _ADDRESS.sub(lambda found: f" {_stop(found)} ", ended).replace(":", " ")


def _stop(address: re.Match[str]) -> str:
    """The stop of a sentence that stands at the end of an address."""
    return "." * address[0].endswith(".")


@dataclass(frozen=True, slots=True)
class _Found:
    """The sayings of a text, and those of each of its sentences."""

    all: frozenset[str]
    sentences: Sequence[frozenset[str]]


def _holds(matter: Matter, found: _Found) -> bool:
    """Whether one of its sayings stands in a sentence that does not excuse it, or in several of a text that does not.

    A sentence excuses itself alone: "Adres należy tylko do mnie. Konto należy do agencji."
    """
    said, unless = _texts(matter.said), _texts(matter.unless)
    if any(said & one and not unless & one for one in found.sentences):
        return True
    within = frozenset[str]().union(*found.sentences)
    return bool(said & (found.all - within)) and not unless & found.all


def _texts(sayings: tuple[Saying, ...]) -> frozenset[str]:
    return frozenset(saying.text for saying in sayings)


def _lack(matter: Matter, found: _Found) -> Lack:
    said = found.all.union(*found.sentences)
    return Lack(matter.name, matter.title, "; ".join(sorted(_texts(matter.said) & said)))
