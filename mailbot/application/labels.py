"""The words by which people mark their four data: labels of forms and cues of prose (procedure P8).

Every pattern is matched against the flat form of a text (``request.characters.flat``: lower case, no diacritics, same
positions). Every repetition is bounded or over one class, so that each search is linear.
"""

from __future__ import annotations

import re
from enum import Enum, auto

from mailbot.request.characters import flat, word_set


class Role(Enum):
    """Which of the two addresses of an application an address is."""

    OLD = auto()
    NEW = auto()


_ACCESS = r"(?:\s+(?:juz|obecnie|mi|sie|do|niego|niej|tego|tej|adresu|skrzynki)){0,4}\s+dostep\w{0,3}"
_LOGIN_AFTER = r"(?=\s+(?:\w+\s+){0,2}login)"
CUES: tuple[tuple[Role, re.Pattern[str]], ...] = (
    (
        Role.OLD,
        re.compile(
            r"\b(?:dotychczas(?:ow\w{1,3})?|(?:logowal|uzywal|poslugiwal|mial)\w{1,3}(?:\s+sie)?|(?:przypisan|powiazan)[eay]|login\w{0,2}\s+(?:obecn|aktualn)\w{1,3}"
            r"|do\s+zmiany|bylo(?=\s?:)|no\s+longer\s+have\s+access|lost\s+(?:my\s+)?access|star(?:y|ego|ym|emu|e)|poprzedni\w{0,3}|dawn(?:y|ego|ym|emu|iej)"
            r"|nieaktualn\w{1,3}"
            rf"|(?:obecn|aktualn|biezac)\w{{1,3}}{_LOGIN_AFTER}|utracon\w{{1,3}}|stracon\w{{1,3}}"
            r"|byl(?:y|ego|ym)\s+(?:login|adres|e-?mail)\w{0,3}"
            rf"|(?:u|s)trac\w{{1,8}}{_ACCESS}|utrat\w{{1,2}}{_ACCESS}"
            r"|nie\s+(?:mam|posiadam|mialem|mialam|ma|moge\s+uzyskac|odzyskam)"
            r"(?:\s+(?:juz|obecnie|zadnego|mozliwosci|do|niego|niej|tego)){0,3}\s+dostep\w{0,3}"
            r"|do\s+ktore(?:go|j)\s+(?:juz\s+)?nie\s+mam|bez\s+dostepu|brak\w{0,3}(?:\s+(?:mi|mam)){0,1}\s+dostepu"
            r"|nie\s+(?:dziala|istnieje|uzywam|korzystam)"
            r"|(?:zosta\w{1,3}\s+)?(?:zlikwidowan|skasowan|wylaczon|usunie(?=t))\w{1,3}|wygas(?:l\w{1,2})?"
            r"|juz\s+nie\s+mam|przesta\w{1,3}\s+(?:dzialac|istniec)|do\s+tej\s+pory|wczesniejsz\w{1,3}|pierwotn\w{1,3}"
            r"|zarejestrowal\w{1,3}|previous|former|current(?=\s+login)"
            r"|(?:uzyt|podan|wykorzystan)\w{1,3}\s+(?:do|przy)\s+zalozeni\w{1,2}"
            r"|(?:zarejestrowan|zalozon)\w{1,3}|old)\b"
        ),
    ),
    (
        Role.NEW,
        re.compile(
            r"\b(?:now(?:y|ego|ym|emu|e|a)\b(?!\s+(?:\w+\s+){0,1}hasl)"
            r"|ma(?:ja|jacy|jacym)?\s+(?:(?:od\s+teraz|sie)\s+)?(?:byc|stac\s+sie)|bedzie"
            r"|docelow\w{1,3}|od\s+teraz|(?:teraz|obecnie)\s+mam|przyszl\w{1,3}|po\s+zmianie|new|hasl\w{1,2}\s+awaryjn\w{1,3}\s+(?:oraz|i)\s+(?:nowy\s+)?login\w{0,2}(?:\s+na(?:\s+(?:moj\s+)?adres)?)?(?=\W{0,9}\Z)"
            r"|chc\w{1,6}\s+(?:sie\s+)?(?:logowac|uzywac|korzystac|miec)(?:\s+sie)?|przypis\w{1,4}\s+kont\w\s+do"
            r"|(?:ustaw|przypis|nada)\w{1,6}\s+(?:mi\s+)?(?:jako\s+)?login\w{0,2})\b"
        ),
    ),
)
CHANGE = re.compile(
    r"\b(?:zmia\w{1,5}|zmien\w{1,6}|zamia\w{1,4}|zamien\w{1,6}|podmia\w{1,4}|przeni\w{1,8}|aktualizac\w{1,3})\b"
)
FROM = re.compile(r"\bze?\W{1,3}(?=[^\W\d_]|$)")
ONTO = re.compile(r"\bna\W{1,3}(?=[^\W\d_]|$)")
INSTEAD = re.compile(r"\b(?:zamiast|w\s+miejsce)\s+(?:\w+\s+){0,2}$")
LOGIN = re.compile(r"\blogin(?:u|em|ie)?\b")
"""A bare "login": the one that is, unless a word next to it says otherwise."""
WHICH = re.compile(r"\bktor\w{1,3}\b")
SET = re.compile(r"\b(?:ustaw|wprowadz|wpis|nada)\w{1,6}\W+(?:\w+\W+){0,3}$")

NOUNS = word_set(
    """
    login loginu loginem loginie adres adresu adresem adresie e email emaila emailu emailem mail maila mailem mailu
    mailowy mailowego mailowym poczta poczty elektroniczny elektroniczna elektronicznej elektronicznego skrzynka
    skrzynki skrzynke pocztowa pocztowej konto konta koncie puesc moj moja moje mojego mojej moim mojemu
    """
)
FILLERS = NOUNS | word_set(
    """
    do to jest byl byla bylo bedzie byc ma na z ze tj czyli jako pod nazwa nazwie brzmi brzmial nastepujacy
    nastepujacego nastepujaca w systemie portalu portal platformie uzytkownika ktory ktorym ktora ktorego ktorej ktore
    the my is was should be mailbox address account
    """
)
"""Words that may stand between a cue and its address without parting them."""

_WHOSE = (
    r"(?:\s+(?:wnioskodawcy|wnioskodawczyni|uzytkownika|wlasciciela|wlascicielki|posiadacza|osoby|klienta|strony|konta|"
    r"puesc|w|na|"
    r"moje|skladajac\w{1,4}|wniosek|zglaszajac\w{1,4}|fizycznej|podpisujac\w{1,4})){0,4}"
)
_GIVEN = r"imi(?:e|ona|e\s*\(?imiona\)?|e\s*/\s*imiona|e\s*\(-?ona\))"
_AND = r"\s*(?:i|oraz|,|/|\+|&|\s)\s*"
NAME_LABELS: tuple[tuple[str, re.Pattern[str]], ...] = tuple(
    (kind, re.compile(rf"(?:(?:moje|twoje|pelne)\s+)?(?:{pattern}){_WHOSE}"))
    for kind, pattern in (
        ("full", rf"{_GIVEN}{_AND}nazwisk[oa]|imie_?nazwisko|(?:first and last |full )?names?|names? and surname"),
        ("reversed", rf"nazwisk[oa]{_AND}{_GIVEN}|nazwisko_?imie"),
        ("given", rf"{_GIVEN}|pierwsze\s+imie|imie\s+pierwsze|(?:first|given) name"),
        ("surname", r"nazwisk[oa]|(?:last|family) name|surname"),
        (
            "full",
            r"wnioskodawc(?:a|zyni)|wniosek\s+sklada|od|nadawc(?:a|zyni)|dane(?:\s+(?:osobowe|wnioskodawcy))?|(?:wlasciciel|uzytkowni)\w{1,4}"
            r"|podpisan[ya]|podpis",
        ),
    )
)
"""Whole labels: "nazwisko rodowe" and "imię ojca" are none of them."""

WORDS_OF_LABELS = word_set(
    """
    imie imiona imienia nazwisko nazwiska login loginu loginem adres adresu email mail e-mail pesel nip data dane rok
    telefon tel numer nr podpis wniosek wniosku wnioskodawca hasło haslo hasla puesc konto konta miejscowosc
    podaj wpisz brak nie dotyczy dnia urodzenia zamieszkania nowy nowego stary dotychczasowy dotychczasowego osobowe
    ulica kod kraj stanowisko firma wypelnij prosze xxx xxxx tak jw
    """
)
"""What cannot be a word of a name: a label whose value is missing, or a hint left in place."""

STOP_WORDS = WORDS_OF_LABELS | word_set(
    """
    ja my wnosze prosze zwracam skladam niniejszym wnioskuje zamieszkaly zamieszkala zam urodzony urodzona ur utracilem
    utracilam stracilem stracilam legitymujacy legitymujaca posiadam posiadajacy posiadajaca bedacy bedaca jako oraz
    o do z w na i a od po pan pani pana panu informuje oswiadczam uprzejmie jestem mam pragne chce ministerstwo finansow
    izba urzad departament centrum help desk sisc kas krajowa administracja skarbowa warszawa warszawie podpisano
    elektronicznie wyslano pozdrawiam pozdrowieniami powazaniem szacunkiem wyrazami szacunku dnia r nizej podpisany
    podpisana zalacznik zalaczniki dotyczy temat spraw sprawie szanowni panstwo dzien dobry witam wlasciciel uzytkownik
    naczelnik dyrektor kierownik minister prezes kancelaria kancelarii agencja biuro przedsiebiorstwo uslugi zaklad
    firma gospodarstwo hurtownia sklep warsztat spedycja
    """
)
COURTESY = word_set("pan pani pana panu mgr inz dr hab prof lek obywatel obywatelka p")
PARTICLES = word_set("van von der den de del della di da dos das do la le du al el ul bin ibn ben abu zu ter ten af y")

_ROUND = re.compile(r"\([^()\n]{0,200}\)")
_EDGE = " \t\n\r:.;,*-–—•·…_[]{}|=\"'„”"
_NUMBERED = re.compile(r"^\s*(?:\d{1,2}|[a-z])[.)]\s*")


def bare(label: str) -> str:
    """``label`` flat, without bullets, numbers and what stands around it."""
    return _NUMBERED.sub("", flat(label).strip(_EDGE)).strip(_EDGE)


def outside_brackets(context: str) -> str:
    """``context`` with text in closed round brackets blanked, positions kept."""
    return _ROUND.sub(lambda found: " " * len(found[0]), context)


def name_label(label: str) -> str | None:
    """ "given", "surname", "full", "reversed" (surname first), or None when ``label`` is not one of a name."""
    said = bare(label)
    for text in (said, bare(outside_brackets(said))):
        for kind, pattern in NAME_LABELS:
            if pattern.fullmatch(text):
                return kind
    return None


def words(text: str) -> list[str]:
    """The words of a flat text."""
    return re.findall(r"[^\W_]+", text)
