"""The text of a letter without the names of places and firms, and the trades below a name.

Names are known by where they stand, never by a list: beside a postal code, "ul.", a legal form; the town of a dateline
alone is looked up, for a title stands there as well ("Recepta, 14.11.2026"). Pure, linear in the text.
"""

from __future__ import annotations

import re

from mailbot.application.letter.towns import is_town
from mailbot.application.letter.unlisted import is_named
from mailbot.ruleset.model import ApplicationWords
from mailbot.text import polish
from mailbot.text.unicode import flat

_CAP = r"(?<!\w)[A-ZĄĆĘŁŃÓŚŹŻ][\w’'.]{0,40}(?:-[\w’']{1,40}){0,3}"
_TITLE = r"[A-ZĄĆĘŁŃÓŚŹŻ][a-ząćęłńóśźżöüäéß’']{1,40}(?:-[A-ZĄĆĘŁŃÓŚŹŻ][\w’']{1,40}){0,3}"
_DATE = r"(?:\d{1,2}[./-]\d{1,2}[./-]\d{2,4}|\d{4}[.-]\d\d[.-]\d\d)"
_MONTHS = (
    r"(?:stycznia|lutego|marca|kwietnia|maja|czerwca|lipca|sierpnia|wrze[sś]nia|pa[zź]dziernika|listopada|grudnia)"
)
_MONTH = (
    r"(?:stycze[nń]|luty|marzec|kwiecie[nń]|maj|czerwiec|lipiec|sierpie[nń]|wrzesie[nń]|pa[zź]dziernik|listopad|"
    r"grudzie[nń])"
)
_LONG_DATE = (
    rf"(?:\d{{1,2}}[ .]{{1,2}}(?:(?i:{_MONTHS})[ ]|[IVX]{{1,4}}[ .]{{1,2}})(?:\d{{4}}|br)"
    rf"|(?i:{_MONTH}|\d\d/)[ ]?\d{{4}})"
)
_HOUSE = r"\d{1,4}[a-zA-Z]?(?:\s?[/-]\s?\d{1,4}[a-zA-Z]?)?(?:\s?(?:m|lok)\.?\s?\d{1,4})?"
_TOWN = rf"{_CAP}(?:[ ](?:k\.?|nad|pod|[A-ZĄĆĘŁŃÓŚŹŻ][\w-]{{0,40}}\.?)){{0,3}}"
_DATELINE = re.compile(
    # "Kraków, dnia 18 listopada 2026 r.", "20.11.2026, Wrocław"
    rf"(?:^|(?<=[:\t])|(?<=[.,][ ]))[ \t]*(?P<town>{_TOWN})[ \t]*,?[ \t]*(?:(?i:w[ ]dniu|dnia|dn\.?)[ \t]*)?"
    rf"(?:{_DATE}|{_LONG_DATE})|(?:{_DATE}|{_LONG_DATE})(?:[ ]?r\.)?,?[ ](?P<last>{_TOWN})(?=[ \t]*$)",
    re.MULTILINE,
)
_DATED_LINE = re.compile(
    rf"^[ \t]*(?P<town>{_TOWN}),[ \t]*(?:(?:w[ ]dniu|dnia|dn\.?)[ \t]*)?(?:{_DATE}|{_LONG_DATE})[ ]?"
    r"(?:r\.?|roku)?[ \t]*$",
    re.MULTILINE,
)
_APART = re.compile(rf"(?<=[:,][ ])(?P<town>{_TOWN})(?=[.]?[ \t]*$)|\((?P<last>{_TOWN})\)", re.MULTILINE)
"""A town behind a name: "Jan Nowak, Radom"."""
_PLACES = tuple(
    re.compile(pattern, re.MULTILINE)
    for pattern in (
        # "Jadowniki, ul. Witosa 30"
        rf"(?:^[ \t]*{_TOWN},[ ])?"
        rf"(?i:\b(?:ul|al|os|pl)\.|\b(?:ulic[ay]|alei|aleja|osiedl[eu]|plac(?:u)?)\b)[ ]?(?:\d{{1,2}}[ ])?"
        rf"{_CAP}(?:[ ]{_CAP}){{0,3}}(?:[ ]{_HOUSE})?",
        # "Nowa Wieś 15, 62-200 Gniezno"
        rf"(?:{_TOWN}[ ]{_HOUSE},?[ \t]*\n?)?(?<!\d)\d\d[-–]\d{{3}}(?!\d)[ \t]*{_TOWN}",
        rf"(?i:\b(?:zam\.|zamieszka[łl][aye]|miejscowo[śs][ćc]|miejsce(?:[ ]\w+)?|adres(?:[ ]\w+){{0,2}}|siedzib[aą])"
        r"[ ]?:?)"
        rf"[ \t]*(?:w[e]?[ ])?{_TOWN}(?:[ ,]{{1,2}}{_HOUSE})?",
    )
)
_UNDER = re.compile(
    rf"(?P<street>^[ \t]*(?i:ul|al|os|pl)\.[^\n]{{2,60}}\d[a-z]?\n)[ \t]*(?P<town>{_TOWN})[ \t]*$", re.MULTILINE
)
"""A town under a street, without a postal code."""
_DISTRICT = re.compile(
    rf"(?:^|(?<=,[ ]))[ \t]*(?:(?i:gmina|poczta|gm\.|p-ta|wie[sś])[ ](?P<name>{_TOWN})"
    r"|(?i:powiat|pow\.|woj\.)[ ]\w{3,30}[sc]ki(?:e(?:go)?)?)(?=[ \t]*(?:,|$))",
    re.MULTILINE,
)
_CODE = re.compile(r"\b(?!NIE|BEZ)[A-Z]{2,3}[ ]?\d{6,17}\b")
"""A number with letters before it: "PL728214559000000", "ABC 123456"."""
_HEADED = re.compile(
    rf"(?P<above>^[ \t]*(?:1[ \t]*){{1,4}}\n|\bpod[ ](?:firm|nazw)[aą]:?[ \t]*\n)(?P<line>[^\n@]{{2,60}})"
    rf"(?=\n[ \t]*(?:(?i:ul|al|os|pl|nip|tel)\b|\d\d[-–]\d{{3}}\b|{_TOWN}[ ]\d))",
    re.MULTILINE,
)
"""What stands between the applicant's name and an address: a firm, in capitals."""
_TRADE = re.compile(
    r"(?P<above>(?:^|(?<=[.!?][ ]))[ \t]*(?:1[ \t]*){2,4}(?:\n[ \t]*|,[ ]|[ ]?[–-][ ]))"
    r"(?P<line>[^\n@:]{3,60}?)(?=[ \t]*$|,[ ]*[\d+])",
    re.MULTILINE,
)
"""What stands below the applicant's name, or behind it."""
_CALLED = re.compile(
    rf"(?P<pod>\bpod[ ](?:firm|nazw)[aą]):?[ ](?P<name>{_CAP}(?:[ ]{_CAP}){{0,4}})(?=[ \t]*(?:$|,|1\b))", re.MULTILINE
)
"""The firm of a writer: "prowadzący działalność pod firmą …"."""
_TALKED = re.compile(
    rf"(?i)(\brozmow\w{{1,2}}\b[^.,;\n@]{{0,60}}?)[ ](?:w[ ]dniu|z[ ]dnia|dnia|z)[ ]"
    rf"(?:{_DATE}|{_LONG_DATE})(?:[ ]?r\.?(?=[ ]))?"
)
"""The day of a conversation: no day from which something shall hold."""
_IN = re.compile(
    rf"(?<=\s)(?P<to>we?|ze?|do|ko[łl]o|pod|nad|in|from|to)[ ]\n?"
    rf"(?P<name>(?:{_TITLE}|USA|UE|UK|RFN|NRD)(?:[ ]{_TITLE})?)(?![ ]?[:@])"
)
"""A name with a small word before it: "w Gdyni", "do Stanów"."""
PLACE = "\ue000"
"""What stands for such a name: only the kinds of clauses that may speak of places have it."""
_STREET = re.compile(r"(?i)(?:ul|al|os|pl)\.\D{1,80}\d")
"""With the number of a house it is nothing else, whatever it is called after."""
_LEGAL = re.compile(
    r"(?i)(?:\bsp(?:[óo][łl]ka)?\.?\s{0,2}(?:z\s{0,2}o\.?\s{0,2}o|j|k|p)\b\.?(?:\s{0,2}sp\.?\s{0,2}k\b\.?)?|\bs\.\s?[acj]\.|"
    r"\bs\.\s?k\.(?:\s?a\.)?)"
)
_FIRM = re.compile(rf"(?i:\bfirm(?:a|y|ie|ę|ą)|\bsp[óo][łl](?:ka|ki|ce|kę|ką))[ ]?:?[ ]{_CAP}(?:[ ]{_CAP}){{0,3}}")
_COMMON = "nazwa_pospolita"
_WOLA = re.compile(r"Wola [A-ZĄĆĘŁŃÓŚŹŻ][a-ząćęłńóśźż]{1,40}[sc]ka")
"""A thousand villages, though "wola" is a word that matters."""
_OTHER_NOUNS = frozenset({_COMMON, "imię", "nazwisko"})
"""Nearly every common noun is somebody's surname as well."""
_OTHER_NAMES = frozenset({"nazwisko", "nazwa_geograficzna"})
_INITIALS = 3
_MOST_OF_A_FIRM = 8
"""Words of a line that names one."""
_JOINED = re.compile(r"(?!NIE|BEZ)[A-ZĄĆĘŁŃÓŚŹŻ]{2,12}-[A-ZĄĆĘŁŃÓŚŹŻ]{3,12}")
_LINES_BELOW = 2
"""Below a name, one below the other: the trade or the firm, and the town."""
_DEGREES = re.compile(
    r"(?<![\w.])(?i:mgr|in[żz]|dr|hab|prof|lek|adw|r[ ]?\.[ ]?pr|mec)\b\.?"
    r"(?=[ ]?(?:1\b|[A-ZĄĆĘŁŃÓŚŹŻ]|(?:mgr|in[żz]|hab|med)\b))"
)
"""What stands before a name."""
_WORD = re.compile(r"[^\W\d_]+")


def townless(text: str, letter: ApplicationWords) -> bool:
    """Whether a line of place and date of ``text`` has something else in the place of the town: "Umowa, 12.11.2026"."""
    return any(not _is_town(line["town"], text, letter) for line in _DATED_LINE.finditer(text))


def placeless(text: str, letter: ApplicationWords) -> str:
    """``text`` without the names of places and firms; what a date was is the word of a month."""
    lines = [_firmless(line, letter) for line in _DEGREES.sub("", text.replace(PLACE, "?")).split("\n")]
    lines = [_TALKED.sub(r"\1", line) for line in lines]
    text = _CODE.sub(" 1 ", "\n".join(lines))
    text = _HEADED.sub(lambda at: at["above"] if _is_firm(at["line"], letter) else at[0], text)
    for _ in range(_LINES_BELOW):
        text = _without_below(text, letter)
    text = _CALLED.sub(lambda at: at["pod"] if _is_called(at["name"], letter) else at[0], text)
    text = _UNDER.sub(lambda at: at["street"] if _is_town(at["town"], text, letter) else at[0], text)
    text = _DISTRICT.sub(lambda at: " " if at["name"] is None or _is_district(at["name"], letter) else at[0], text)
    text = _DATELINE.sub(lambda at: " 1 " if _is_town(at["town"] or at["last"], text, letter) else at[0], text)
    text = _APART.sub(lambda at: " 1 " if _is_town(at["town"] or at["last"], text, letter) else at[0], text)
    for pattern in _PLACES:
        text = pattern.sub(lambda found: found[0] if _is_none(found[0], letter) else " 1 ", text)
    text = _IN.sub(lambda found: f"{found['to']} {PLACE} " if _is_place(found["name"], letter) else found[0], text)
    return re.sub(_DATE, " stycznia ", text)


def _is_town(name: str, text: str, letter: ApplicationWords) -> bool:
    """Whether ``name`` is one of the dictionary, a listed one, or stands behind a postal code of the letter as well."""
    name = name.title() if name.isupper() else name
    if _WOLA.fullmatch(name) and (is_town(name) or _is_surname(name.split()[1])):
        return True
    if is_town(name) and not any(_says(word, letter) for word in name.split()):
        return True
    behind_code = rf"\d\d[-–]\d{{3}}[ \t]*{re.escape(name)}\b"
    return flat(name).rstrip(".") in letter.towns or re.search(behind_code, text) is not None


def _says(word: str, letter: ApplicationWords) -> bool:
    """Whether ``word`` is one that no name has, and may stand there as a word: "Zgoda"."""
    return flat(word) in letter.never and any(_COMMON in sense.kinds for sense in polish.senses(word))


def _is_place(name: str, letter: ApplicationWords) -> bool:
    """Whether a capitalised ``name`` may be one, and is not only made of words ("w Grze", "z Rozkazu")."""
    return flat(name.split()[0]) not in letter.words and any(map(_is_name, _WORD.findall(name)))


def _is_name(word: str) -> bool:
    found = polish.senses(word)
    kinds = frozenset[str]().union(*(sense.kinds for sense in found))
    return not found or bool(kinds - _OTHER_NOUNS) or bool(kinds and _COMMON not in kinds)


def _is_district(name: str, letter: ApplicationWords) -> bool:
    """Whether what stands behind "gmina" or "poczta" is a name, and nobody's ("poczta Anny")."""
    return _is_place(name, letter) and not any(map(_is_given, name.split()))


def _is_given(word: str) -> bool:
    return any("imię" in sense.kinds for sense in polish.senses(word))


def _is_surname(word: str) -> bool:
    return any("nazwisko" in sense.kinds for sense in polish.senses(word))


def _is_none(place: str, letter: ApplicationWords) -> bool:
    """Whether what stands where a place does is none: it tells something, or names somebody ("adres ma Anna Nowak")."""
    return _STREET.match(place) is None and (_is_told(place, letter) or _is_somebody(place))


def _is_somebody(place: str) -> bool:
    """Whether ``place`` speaks of an address and ends with a given name and a surname."""
    words = _WORD.findall(place)
    kinds = [{kind for sense in polish.senses(word) for kind in sense.kinds} for word in words[-2:]]
    return flat(words[0]).startswith("adres") and "imię" in kinds[0] and "nazwisko" in kinds[-1]


def _is_told(place: str, letter: ApplicationWords) -> bool:
    """Whether what stands where a place does is more than its name: "ADRES NIE DZIAŁA"."""
    words = _WORD.findall(place)
    if " ".join(map(flat, words)) in letter.towns:
        return False
    if place.isupper() and len(words) > 1 and all(flat(word) in letter.words for word in words):
        return True
    return any(flat(word) in letter.never and not _only_names(word) for word in words)


def _only_names(word: str) -> bool:
    """Whether the dictionary knows ``word`` as a name alone: "Zgorzelec", and not "Zgoda"."""
    found = polish.senses(word)
    return bool(found) and all(sense.kinds and _COMMON not in sense.kinds for sense in found)


def _is_firm(line: str, letter: ApplicationWords) -> bool:
    """Whether a line of capitalised words, none of which is a verb or matters, can be nothing but a firm.

    It begins as one, or has initials or a word of its own: other titles have none of them.
    """
    words = _WORD.findall(line)
    own = any(word.isupper() if len(word) <= _INITIALS else not polish.senses(word) for word in words)
    return (
        0 < len(words) <= _MOST_OF_A_FIRM
        and (own or flat(words[0]) in letter.firms)
        and all(word[0].isupper() or len(word) == 1 for word in words)
        and all(flat(word) in letter.firms or _names_a_firm(word, letter) for word in words if len(word) > 1)
    )


def _without_below(text: str, letter: ApplicationWords) -> str:
    """``text`` without the next line below the applicant's name that belongs to it."""
    return _TRADE.sub(lambda at: at["above"].rstrip(" \t\n,–-") if _is_below(at["line"], text, letter) else at[0], text)


def _is_called(name: str, letter: ApplicationWords) -> bool:
    """Whether ``name`` can be that of a firm, and is nobody's."""
    return not _is_told(name, letter) and not any(map(_is_given, name.split()))


def _is_below(line: str, text: str, letter: ApplicationWords) -> bool:
    """Whether ``line``, below a name, is a trade, a town or a firm that says so: "MAZ-TRANS"."""
    of_firm = any(flat(word) in letter.firms for word in _WORD.findall(line))
    return (
        (of_firm and (_is_firm(line, letter) or _is_joined(line)))
        or _is_trade(line, letter)
        or _is_town(line, text, letter)
    )


def _is_joined(line: str) -> bool:
    """Whether ``line`` is a word that is none and a kind of firm, in capitals: not "ZAKAZ-TRANS"."""
    if _JOINED.fullmatch(line) is None:
        return False
    found = polish.senses(line.partition("-")[0])
    return all(sense.kinds and _COMMON not in sense.kinds for sense in found)


def _is_trade(line: str, letter: ApplicationWords) -> bool:
    """Whether a line says of whom it speaks what his trade is, and nothing else."""
    words = [word for word in _WORD.findall(line) if len(word) > 1]
    trades = [word for word in words if _names_a_trade(word, letter)]
    return bool(trades) and all(
        word in trades or flat(word) in letter.firms or is_named(word.lower(), letter) for word in words
    )


def _names_a_trade(word: str, letter: ApplicationWords) -> bool:
    readings = polish.alike(word.lower())
    every = bool(readings) and all(any(form in letter.trades for form in forms) for forms in readings)
    return every or flat(word) in letter.trades


def _names_a_firm(word: str, letter: ApplicationWords) -> bool:
    if len(word) <= _INITIALS and word.isupper():
        return flat(word) not in letter.words
    plain = flat(word)
    if not polish.senses(word) or any(_OTHER_NAMES & sense.kinds for sense in polish.senses(word.title())):
        return plain not in letter.words and plain not in letter.never and not letter.book.knows(plain)
    return is_named(word.title(), letter)


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
