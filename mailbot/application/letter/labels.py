"""The words by which forms and letters label a name, and those that are no part of one (procedure P8).

Every pattern is matched against the flat form of a text (``request.characters.flat``: lower case, no diacritics, same
positions). Every repetition is bounded or over one class, so that each search is linear.
"""

from __future__ import annotations

import re

from mailbot.request.characters import flat, word_set

_WHOSE = (
    r"(?:\s+(?:wnioskodawcy|wnioskodawczyni|uzytkownika|wlasciciela|wlascicielki|posiadacza|osoby|klienta|strony|konta|"
    r"puesc|w|na|"
    r"moje|mi|skladajac\w{1,4}|wniosek|(?:zglasza|wnioskuj|prosz)\w{0,1}ac\w{1,4}|fizycznej|podpisujac\w{1,4})){0,4}"
)
_GIVEN = r"imi(?:e|ona|e\s*\(?imiona\)?|e\s*/\s*imiona|e\s*\(-?ona\))"
APPLICANT = (
    r"wnioskodawc(?:a|zyni)|wniosek\s+sklada|od\b|nadawc(?:a|zyni)|(?:moje\s+)?dane(?:\s+(?:osobowe|wnioskodawcy))?"
)
WHO = (
    r"kto|osoba|tozsamosc|autor(?:ka)?|pan(?:i)?\s?/\s?pan(?:i)?|podpisal(?:a|em|am)?|wniosek\s+zglasza"
    r"|wniosek\s+(?:zlozony|skladany|podpisany)\s+przez|od\s+kogo"
    r"|(?:skladaj|wnosz|wnioskuj|podpisuj|zglaszaj|prosz)ac[ya]|dane\s+(?:do\s+wniosku|osoby)"
    r"|(?:wlasciciel(?:ka)?|uzytkowni(?:k|czka)|posiadacz(?:ka)?)(?:\s+konta)?"
)
"""Labels of the whole name of whoever asks; after the last ones other things stand as well, in small letters."""
_AND = r"\s*(?:i|oraz|,|/|\+|&|\s)\s*"
NAME_LABELS: tuple[tuple[str, re.Pattern[str]], ...] = tuple(
    (kind, re.compile(rf"(?:(?:moje|twoje|pelne|na|aktualne|obecne)\s+)?(?:{pattern}){_WHOSE}"))
    for kind, pattern in (
        ("full", rf"{_GIVEN}{_AND}nazwisk[oa]|imie_?nazwisko|(?:first and last |full )names?|names? and surname"),
        ("name", r"names?"),
        ("reversed", rf"nazwisk[oa]{_AND}{_GIVEN}|nazwisko_?imie"),
        ("given", rf"{_GIVEN}|pierwsze\s+imie|imie\s+pierwsze|(?:first|given) name"),
        ("surname", r"nazwisk[oa]|(?:last|family) name|surname"),
        (
            "full",
            rf"{APPLICANT}|(?:wlasciciel|uzytkowni)\w{{1,4}}"
            r"|podpisan[ya]|podpis",
        ),
        ("who", WHO),
    )
)
"""Whole labels: "nazwisko rodowe" and "imię ojca" are none of them."""

WORDS_OF_LABELS = word_set(
    """
    imie imiona imienia nazwisko nazwiska login loginu loginem adres adresu email mail e-mail pesel nip data dane rok
    telefon tel numer nr podpis wniosek wniosku wnioskodawca wnioskodawczyni hasło haslo hasla puesc konto konta
    miejscowosc
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
    firma gospodarstwo hurtownia sklep warsztat spedycja szanowny szanowna szanowne sz drogi droga drodzy kochani
    kochana kochany wielce czesc hej siema hello witajcie helpdesk helpdesku helpdeskowi zespole redakcjo
    administratorzy customs
    profil profilem zaufany zaufanym zaufanego podpisuje podpisem kwalifikowany kwalifikowanym kwalifikowanego
    elektroniczny elektronicznym cyfrowo wsparcia wsparcie pomoc pomocy dziekuje dzieki prosba podanie uklony serdecznie
    portal portalu platforma platformie uslug elektronicznych skarbowej celnej celny urzedu doradcy podatkowego spolka
    trans trade trading shipping freight logistics cargo transport export import service dystrybucja manager
    """
)
PEOPLE = word_set(
    """
    ksiegowa ksiegowy pelnomocnik pelnomocniczka syn corka maz zona brat siostra matka mama ojciec tata szef szefowa
    prezes wnuk wnuczka adwokat radca doradca wspolnik partner partnerka pracownik pracownica pracodawca opiekun
    opiekunka kurator swiadek kontakt adresat sporzadzil sporzadzila przyjal przyjela referent konsultant konsultantka
    kolega kolezanka znajomy znajoma klient klientka dziecko wierzyciel dluznik nastepca poprzednik administrator
    informatyk
    """
)
"""Labels of somebody else than the applicant."""
COURTESY = word_set("pan pani pana panu mgr inz dr hab prof lek wet lic mec adw ks obywatel obywatelka p")
PARTICLES = word_set("van von der den de del della di da dos das do la le du al el ul bin ibn ben abu zu ter ten af y")

_FORMER = re.compile(r"\((?:poprzedn|rodow|panien|dawn|drug|trzec)")
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
    """The kind of a label of a name, else None.

    "given", "surname", "full", "reversed" (surname first), "name" (full or given), or "who": a full name that must be
    capitalised.
    """
    said = bare(label)
    if _FORMER.search(said):
        return None
    for text in (said, bare(outside_brackets(said))):
        for kind, pattern in NAME_LABELS:
            if pattern.fullmatch(text):
                return kind
    return None


def words(text: str) -> list[str]:
    """The words of a flat text."""
    return re.findall(r"[^\W_]+", text)
