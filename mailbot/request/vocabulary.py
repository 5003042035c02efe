"""Words and patterns of Polish letters: what leads up to a datum, what closes a letter, what only looks like a year.

All patterns are matched against the flat form of a text (lower case, no diacritics; characters.flat). Every repetition
is bounded, so that each search is linear.
"""

from __future__ import annotations

import re
from enum import Flag, auto

from mailbot.request.characters import word_set


class Hint(Flag):
    """Which datum a hint of the card stands for."""

    NAME = auto()
    YEAR = auto()
    DOTS = auto()
    """An ellipsis: a hint only when neither datum is there."""


_NAMES = r"imi(?:e|ona)\s{0,3}(?:i|oraz|,|/|\s)\s{0,3}nazwisk[oa]"
_BIRTH = r"(?:rok(?:u|iem)?|date?a?)\s{1,3}urodzenia"
_OPEN, _SHUT = r"[(\[<{„\"']\s{0,3}", r"\s{0,3}[)\]>}”\"']"
_ASK = (
    r"(?:(?:tu|tutaj|prosze)\s{1,3})?(?:podaj(?:emy)?|wpisz|podac|wpisac)\s{1,3}"
    r"(?:tu\s{1,3})?(?:swoje|twoje|pelne)?\s{0,3}"
)

HINTS: tuple[tuple[Hint, re.Pattern[str]], ...] = tuple(
    (hint, re.compile(pattern))
    for hint, pattern in (
        (
            Hint.NAME | Hint.YEAR,
            rf"[(\[<{{„\"']?\s{{0,3}}(?:{_ASK})?(?:(?:swoje|twoje)\s{{1,3}})?{_NAMES}\s{{0,3}}(?:,|oraz|i|/|\s)\s{{0,3}}"
            rf"(?:swoj\s{{1,3}})?{_BIRTH}(?!\s{{0,3}}[:=]?\s{{0,3}}\d)\s{{0,3}}[)\]>}}”\"']?",
        ),
        (
            Hint.NAME,
            rf"{_OPEN}(?:{_ASK})?(?:(?:swoje|twoje)\s{{1,3}})?(?:{_NAMES}|imie|nazwisko){_SHUT}|{_ASK}{_NAMES}",
        ),
        (
            Hint.YEAR,
            rf"{_OPEN}(?:{_ASK})?(?:(?:swoj|twoj)\s{{1,3}})?(?:{_BIRTH}|rok){_SHUT}|{_ASK}(?:swoj\s{{1,3}})?{_BIRTH}",
        ),
    )
)
STRONG_MARK = re.compile(
    r"\bx{3,}\b|\b[ry]{4}\b|_{3,}|\.{5,}|\?{3,}|\b(?:19|20)(?:x{2}|_{2}|\.{2}|\?{2})|\bimie nazwisko\b(?!\s{0,3}[:=-])"
)
WEAK_MARK = re.compile(r"\.{2,4}|[<(\[]\s{0,3}[>)\]]")

_FORM = r"(?P<form>\s{0,3}(?:[:=–—-]|['’]?\d))?"
LABEL_NAME = re.compile(rf"\b(?:{_NAMES}|imi(?:e|ona)|nazwisko)\b(?P<form>\s{{0,3}}[:=–—-])?")
LABEL_YEAR = re.compile(rf"\b{_BIRTH}\b{_FORM}")

CLOSING = re.compile(
    r"\b(?:pozdr(?:awia\w{1,4}|owienia\w{0,3})?|z (?:powazaniem|wyrazami|gory|uszanowaniem|podziekowaniem|serdecznymi)|"
    r"(?:serdecznie|dziekuj\w{1,4}|dzieki|milego dnia|lacze wyrazy|(?:best |kind )?regards|sincerely|thank you|thanks)|"
    r"wyslan[eoy] (?:z|za pomoca)|sent from|w zalacz\w{2,8}|zalacza\w{1,3}|prosz[eę]|prosimy|"
    r"(?:bo|poniewaz|gdyz)\s{1,3}(?:(?:go|ich|je|obu)\s{1,3})?"
    r"(?:nie (?:pamietam|mam|znam)|(?:zapomnial|zgubil|stracil)[ae]m)|"
    r"nie (?:pamieta\w{1,3}|mam|moge|mozemy)|informuj\w{1,3}|utracil\w{1,3}|zapomnial\w{1,3}|czekam)\b"
    r"|(?m:^--[ \t]?$|^[-=*]{3,}[ \t]*$)"
)

_ASKED = r"(?:prosb|wnios|zgloszeni|zmian|wiadomosc)\w{0,4}"
WITHDRAWN = re.compile(
    r"\b(?:anuluj\w{1,4}|anulowa[cn]\w{0,3}|wycof(?:uj\w{1,4}|ac|al[ae]m)|cofam|odwoluj\w{1,4}|rezygnuj\w{1,4})\s{1,3}"
    rf"(?:\w{{1,15}}\s{{1,3}}){{0,3}}{_ASKED}\b"
    rf"|\b{_ASKED}\s{{1,3}}(?:\w{{1,15}}\s{{1,3}}){{0,4}}(?:nieaktualn\w{{1,3}}|(?:wy)?cof(?:am|uj\w{{1,4}})|anuluj\w{{1,4}})\b"
    r"|(?:^|[.!?,\n]\s{0,3})(?:(?:to|sprawa|prosba) )?(?:jest )?(?:juz|jednak) nieaktualn\w{1,3}\b"
    r"|\bnie (?:prosil|skladal|zlecal)[ae]m\b|\bnie (?:wysylal|wyslal|pisal)[ae]m (?:zadn|tej|tego|tamt|tak)"
    r"|\bprosze (?:\w{1,5} )?(?:anulowac|wycofac|wstrzymac)\b"
    r"|\bprzypomnial(?:[ae]m|a|o)? (?:mi|sobie|sie)\b"
    r"|\bktos (?:inny )?(?:\w{1,15} ){0,3}(?:za mnie|w moim imieniu|podszy)"
    r"|\b(?:wlama[ln]|ukrad[lz]|wykrad[lz]|podszy[wl]|oszus[tc]|oszuk|phishing|szantaz|zhakowa|haker)"
)
"""Who says so near the sentence does not ask, or fears for the account. The reason alone ("zapomniałem") is none."""
NOT_ASKED = re.compile(r"(?:^|[^\w])nie\s{1,3}\Z")
"""In front of the sentence."""

_MONTH = r"(?:stycz|lut|marc|marz|kwie|maj|czerw|lip|sierp|wrze|pazdz|listop|grud)[a-z]{0,8}"
DATE = re.compile(
    r"(?P<lead>(?:\b(?:ur(?:odz(?:on\w{1,4}|enia|\b))?|rocznik\w{0,2}|roku?|data|dnia|dniu|dn|to|jest|w|z|r|born|year|of|birth)\b"
    r"[ \t\n.:,;=(–-]{0,6}){1,6})?[(\['’]{0,2}"
    r"(?:(?<![\d/-])(\d{4})\s?[-./]\s?\d{1,2}\s?[-./]\s?\d{1,2}(?!\d)"
    rf"|(?<!\d)\d{{1,2}}\s?[-./ ]\s?(?:\d{{1,2}}|[ivx]{{1,4}})\s?[-./ ]\s?(\d{{4}})(?!\d)"
    rf"|(?<!\d)\d{{1,2}}\.?[ \t]{{1,3}}{_MONTH}[ \t]{{1,3}}(\d{{4}})(?!\d)"
    r"|(?<!\d)\d{1,2}[-./](?:sty|lut|mar|kwi|maj|cze|lip|sie|wrz|paz|lis|gru)[-./](\d{4})(?!\d)"
    r"|(?<![\d./-])(?:0?[1-9]|1[0-2])[./](\d{4})(?![\d./-])"
    r"|(?<!\d)(?<!\d[-/.])(\d{4})(?!\d)(?![-/.]\d)(?![^\W\d_])"
    r"|(?<!\d)(?<!\d[-/.])(\d{4})(?=r(?:\.|ok\w{0,2})?(?:\W|$)))"
    r"[)\]]?(?:[ \t]{0,3},?[ \t]{0,3}(?:roku?|r)\b\.?)?(?:[ \t]{0,3},?[ \t]{0,3}w[ \t]{1,3}[a-z-]{3,40})?"
)

_PHONE = r"(?:\+?\d{2}[ -]?)?(?:\d{3}[ -]\d{3}[ -]\d{3}|\(?\d{2}\)?[ -]\d{3}[ -]\d{2}[ -]\d{2}|\d{2}[ -]\d{3}[ -]\d{4})"
JUNK: tuple[re.Pattern[str], ...] = tuple(
    re.compile(pattern)
    for pattern in (
        # an address, with the label that leads up to it
        r"(?:\b(?:login\w{0,4}|adres\w{0,3}|e|mail\w{0,4}|email\w{0,2}|puesc|konta|to|"
        r"na|nowy|stary|moj|obecny|dotychczasowy)\b[ \t:.=-]{0,4}){0,6}"
        r"[\w.+%'-]{1,64}@[\w.-]{1,255}",
        r"https?://\S{1,2000}|\bwww\.\S{1,2000}",
        r"\bpesel\b[ \t:.]{0,4}\d{11}(?!\d)",
        # a number with the label of a number: PESEL, IDSISC, telephone...
        r"\b(?:pesel|nip|regon|krs|id ?i?sisc|sisc|eori|dowod\w{0,2}|nr|numer\w{0,2}|tel(?:efon\w{0,3})?|"
        r"kom(?:ork\w|orkowy)?|fax|faks|mob(?:ile)?)\b[ \t.:#=+(-]{0,6}"
        r"(?:(?:pesel|id ?i?sisc|tel(?:efonu)?|krs|nip|konta|dowodu)\b[ \t.:#=+(-]{0,6}){0,2}"
        r"[a-z]{0,3}[ \t]?\d[\d \t()-]{0,20}",
        r"\b(?:pesel|nip|regon|krs|id ?i?sisc)\b[ \t:.]{0,4}",
        # whose child the applicant is
        r",\s{0,3}(?:syna?|cork[aie])[ \t]{1,3}[^\W\d_]{2,20}(?:[ \t]{1,3}i[ \t]{1,3}[^\W\d_]{2,20})?"
        r"(?=[ \t]{0,3}(?:[,.;\n\d]|$))",
        # how old the account is
        r"\bkonto[ \t]{1,3}(?:zostalo[ \t]{1,3})?(?:zaloz|utworz|zarejestr)\w{1,8}[ \t]{1,3}"
        r"(?:(?:w|od|ok|okolo|dnia|dniu|roku)\b[ \t.]{0,3}){1,3}(?:\d{1,2}[./]\d{1,2}[./])?\d{4}(?:[ \t]?r(?:oku)?\b)?",
        # labelled lines that hold no name and no year of the applicant
        r"\b(?:prezes|dyrektor|firma|stanowisko|adres(?: zamieszkania| korespondencyjny)?|miejscowosc|"
        r"miejsce urodzenia|miasto|ulica|haslo|login|e-?mail|telefon|tel|kontakt|dzial)[ \t]{0,3}[:.][^\n,;]{0,200}",
        r"\b(?:zam(?:ieszkal\w{1,3})?\b\.?|ul\.)[^\n,;]{0,200}",
        rf"(?<!\d){_PHONE}(?!\d)",
        r"(?<!\d)\d{2}-\d{3}(?!\d)(?:[ \t]{1,3}[a-z]{3,40})?",
        r"(?<![\d.-])\d{1,3}(?:[ .]\d{3}){1,5}(?:,\d\d)?(?!\d)(?:[ \t]{0,3}(?:zl|pln|eur)\b)?",
        r"(?<!\d)\d{3}-\d{2,3}-\d{2}-\d{2,3}(?!\d)",
        r"\b[a-z]{0,3}\d{5,}",
    )
)

LEADING = word_set(
    """
    pan pani pana panu pania panem p ob ks ms mr mrs miss sz szanowny szanowna szanownego szanownej
    """
)
"""Courtesy words in front of a name."""
TITLES = word_set(
    """
    adw adwokat adwokata mec mecenas mecenasa pr lek med stom wet farm not lic arch bp abp kard pral kan herr frau
    gen bryg dyw plk pplk mjr kpt por ppor plut kpr sierz st asp insp nadkom podkom kom rez
    """
)
"""Titles of professions and ranks. In front of a name only: some are surnames as well (Jan Por)."""
COURTESY = word_set(
    """
    imie imiona imienia imion nazwisko nazwiska rok roku rocznik ur urodz urodzony urodzona urodzonego urodzonej
    urodzonym urodzenia data daty dnia dn mgr inz dr hab prof osoby osobe uzytkownika uzytkowniczki konta
    klienta klientki mojego mojej moje moich moj swojego swoje dane danych osobowe osobowych name surname given
    first last year birth born mnie siebie ja puesc nr rocz bardzo uprzejmie urodzilem urodzilam sie
    """
)
"""Words in or behind the data that are no part of a name."""
PLURAL = word_set("panstwa panstwo malzonkow malzenstwa malzenstwo rodzenstwa panstwu")
"""Words that speak of two people."""
