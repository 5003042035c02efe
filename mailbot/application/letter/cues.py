"""The words next to an address that say whether it is the old login or the new one (procedure P8).

Every pattern is matched against the flat form of a text (``request.characters.flat``: lower case, no diacritics, same
positions). Every repetition is bounded or over one class, so that each search is linear.

A cue is an adjective ("dawny"), which counts only where it belongs to an account or mailbox and not to another thing
("dawny pracodawca"), or a phrase that says it by itself ("do tej pory", "ma być").
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from enum import Enum, auto
from typing import NamedTuple

from mailbot.application.letter.labels import words
from mailbot.request.characters import word_set


class Role(Enum):
    """Which of the two addresses of an application an address is."""

    OLD = auto()
    NEW = auto()


class Cue(NamedTuple):
    """A cue where it stands in a context."""

    start: int
    end: int
    role: Role


_NOUN = r"(?:login|adres|e-?mail|mail|poczt|skrzyn|kont)\w{0,6}"
_ACCESS = r"(?:\s+(?:juz|obecnie|mi|sie|do|niego|niej|tego|tej|adresu|skrzynki)){0,4}\s+dostep\w{0,3}"
_LOGIN_AFTER = r"(?=\s+(?:\w+\s+){0,2}login)"
_GIVEN = (
    r"(?:przypis|przyzna|nada|ustaw|ustanow|wprowadz|wpis)"
    r"(?:ac|ic|yc|c|anie|ienie|enie|nie|aniem|cie|jcie|zcie)"
)
"""What is done with a new login: not "przypisany", which is done."""
_BE_DONE = r"(?!\s+(?:\w+\s+)?(?:zmieni|zamieni|podmieni|wymieni|zastapi|usuni|skasow|wykresl|zablok|wylacz)\w*)"
"""Not what happens to an old one: "ma być zmieniony", "niech zostanie zastąpiony"."""
_BY_WHICH = r"zastap(?:ic|ienie|ieniem|cie|ion\w{1,2})(?=\s(?:[^:;.,@]{0,60}\s)?(?:login|adres)em\W*\Z)"
"""What is replaced stands in another case than what replaces it: "zastąpienie loginem X loginu Y"."""
_ASKS = r"(?:prosz\w{1,3}|prosil\w{1,3}|wnosz\w|wnioskuj\w|(?:ze|a)?by)\s(?:[^,;.:@]{0,80}\s)?"
_WANTED = (
    r"ktor\w{1,3}\s+(?:\w{1,9}\s+)?(?:prosze|chc\w{1,8}|pragne|bede|zamierzam)"
    r"\s+(?:(?:sie|mi|o|teraz|juz|dalej|odtad|go|ja|je)\s+){0,3}"
    r"(?:byc\s+zarejestr|zmien|przepis|przenie|ustaw|przypis|nada|przyzn|zamien|ustan|wpis|logow|uzyw"
    r"|poslug|korzyst|miec|przejsc"
    r"|przerejestr)\w{0,8}[^,:;.@\n]{0,40}"
)
_USED = (
    r"ktor\w{1,3}\s+(?:(?:sie|mnie|mi)\s+)?(?:loguje|posluguje|trac[ei]|identyfik\w{1,8}|logowal\w{1,2}"
    r"|uzywal\w{1,2}|poslugiwal\w{1,2}|korzystal\w{1,2}|mial[ea]m"
    r"|zakladal\w{1,2}|zalozyl\w{1,2}|zarejestrowa\w{1,3}|zalozono|utracil\w{1,2}|stracil\w{1,2})\b[^,:;.@\n]{0,40}"
)
"""Relative clauses of an address: how it was used, and what is asked for it."""
_SELF = r"(?:\s+(?:sie|mi|ja|go|je|nim|to|od\s+teraz|teraz|odtad|takze|dalej)){0,3}"


def _adjectives(stems: str) -> str:
    return "|".join(stem if "(" in stem else rf"{stem}\w{{1,3}}" for stem in stems.split())


_ADJECTIVES = {
    Role.OLD: _adjectives(
        """
        dotychczasow poprzedni(?:\\w{1,3})? star(?:y|a|e|ego|ej|ym|emu) dawn(?:y|a|e|ego|ej|ym|emu|iejsz\\w{1,3})
        utracon stracon nieaktualn niedostepn nieczynn niedzialajac nieaktywn nieistniejac wczesniejsz pierwotn martw
        tamt(?:en|a|ej|ego|ym|emu) zamkniet zablokowan skasowan zlikwidowan wylaczon usunie(?:t\\w{1,3}) rejestracyjn
        byl(?:y|a|ego|ej|ym)
        """
    ),
    Role.NEW: _adjectives(
        """
        now(?:y|a|e|ego|ej|ym|emu) docelow przyszl nastepn(?:y|a|ego|ej|ym) proponowan wnioskowan oczekiwan pozadan
        zadan planowan preferowan wybran zastepcz zamienn
        """
    ),
}
_PHRASES = {
    Role.OLD: (
        rf"{_USED}|wczesniej|"
        r"dotychczas|dotad|(?:logowal|uzywal|poslugiwal|mial)\w{1,3}(?:\s+sie)?|(?:przypisan|powiazan)[eay]"
        r"|mial[ao]?(?=\s+postac)|(?:wystepuj|figuruj|widniej|istniej)e|wystepowal\w{0,2}"
        r"|identyfikowal\w{1,2}(?:\s+sie)?"
        r"|(?<!nie\s)mam\s+(?:dzis\s+|teraz\s+)?(?:wpisan|zapisan|zarejestrowan|podan)\w{1,2}"
        r"|pelnil[ao]?\s+(?:\w+\s+)?role"
        r"|(?:jaki\s+|(?:konto|profil)(?:\s+(?:w\s+)?puesc)?\s+)?m(?:am|a)\s+(?:taki\s+|dzis\s+)?login(?=\W*\Z)"
        r"|jaki\s+mam|login\w{0,2}\s+(?:zapisan|wpisan)\w{1,2}(?=\s+w\b)|obecnie(?=\s+(?:moim\s+)?login(?!\w*\s+prosz))"
        r"|sprzed(?=\s+(?:utraty|zmiany))"
        r"|w\s+chwili\s+(?:skladania|zlozenia)(?:\s+wniosku)?|na\s+dzien\s+(?:skladania|zlozenia)(?:\s+wniosku)?"
        r"|do\s+(?:dnia\s+)?dzisiejszego|do\s+dzis(?:iaj)?|zastapi\s+(?=adres|login|e-?mail)|w\s+roli\s+loginu|przy\s+(?:rejestracji|zakladaniu)|(?<!\w)loguje\s+sie"
        r"|login\w{0,2}\s+(?:obecn|aktualn|biezac)\w{1,3}|do\s+zmiany|byl[oa]?\s+nim"
        r"|dawniej|przed(?=\s*[:\t])|przed\s+zmiana|kiedys(?=\W*:)"
        r"|no\s+longer\s+have\s+access|lost\s+(?:my\s+)?access|previous|former|current(?=\s+login)|old"
        rf"|(?:obecn|aktualn|biezac)\w{{1,3}}{_LOGIN_AFTER}|poprzednio|uprzednio"
        rf"|(?:zamiast|w\s+miejsce)(?=(?:\s+(?:{_NOUN}|mojego|mojej|dotychczasow\w{{1,3}}|star\w{{1,3}})){{0,4}}\W*\Z)"
        rf"|(?<![^\s,;:.]\s)byl[oa]?(?=(?:\s+{_NOUN})?\W*\Z)"
        r"|(?<!by\s)(?<!by\son\s)(?<!by\sona\s)(?<!to\son\s)(?<!to\sona\s)byl[oa]?\s+(?:moim\s+)?loginem"
        rf"|(?:u|s)trac\w{{1,8}}{_ACCESS}|utrat\w{{1,2}}{_ACCESS}|dostep\s+(?:u|s)tracil\w{{1,2}}"
        r"|nie\s+(?:mam|posiadam|mialem|mialam|ma|moge\s+uzyskac|odzyskam)"
        r"(?:\s+(?:juz|obecnie|zadnego|mozliwosci|do|niego|niej|tego)){0,3}\s+dostep\w{0,3}"
        r"|do\s+ktore(?:go|j)\s+(?:juz\s+)?nie\s+mam|bez\s+dostepu|brak\w{0,3}(?:\s+(?:mi|mam)){0,1}\s+dostepu"
        r"|nie\s+(?:dziala|istnieje|uzywam|korzystam)|nie\s+moge(?:\s+(?:juz|sie)){0,2}\s+(?:uzywac|logowac|korzystac)"
        r"|(?:zosta\w{1,3}\s+)(?:zlikwidowan|skasowan|wylaczon|zablokowan|zamkniet|usunie(?=t))\w{1,3}"
        r"|wygas(?:l\w{1,2})?|przepad\w{1,3}|juz\s+nie\s+mam|przesta\w{1,3}\s+(?:dzialac|istniec)|do\s+tej\s+pory"
        r"|zarejestrowal\w{1,3}|(?<!byc\s)(?:zarejestrowan|zalozon)\w{1,3}|prowadzon[ey](?=\s+jest)"
        r"|(?:uzyt|podan|wykorzystan)\w{1,3}\s+(?:do|przy)\s+zalozeni\w{1,2}"
    ),
    Role.NEW: (
        rf"(?:ma|maja|majacy|majacym|mialby|powin(?:ien|na|no))(?:{_SELF})\s+"
        rf"(?:(?:byc|zostac){_BE_DONE}|stac\s+sie|pelnic|brzmiec|zastapic|miec|obowiazywac)"
        r"|(?<!\w)(?:go|ja|je)\s+(?:zastapi|zastepuje)\b|zastapic\s+(?:go|ja|je)\s+ma|przejmie\s+(?:\w+\s+)?role"
        r"|na\s+ktor\w{1,3}\s+(?:go|ja|je)\s+zmieniam|po\s+(?:nadaniu|rozpatrzeniu)|od\s+rozpatrzenia|na\s+przyszlosc"
        r"|na\s+ktor\w{1,3}\s+(?:(?:ma|zostanie|bedzie)\s+)?(?:nadany|przypisany"
        r"|ustawiony)\w{0,2}(?:\s+(?:zostanie|bedzie|byc))?"
        r"|do\s+logowania(?=\s+prosz)|\w{2}bym\s+(?:mogl[ao]?|mogla)\s+(?:sie\s+)?(?:logowac|uzywac"
        r"|korzystac)(?:\s+sie)?"
        r"|(?:prosz|chc|wnosz)\w{1,8},?\s+(?:ze|a)?by\s+(?:(?:moim|nowym)\s+)?loginem\s+(?:byl|zostal|stal\s+sie)|(?:ze|a)?by\s+bylo\s+prowadzone|o\s+ktor\w{1,3}\s+(?:wnosze|wnioskuje|wystepuje)|teraz\s+prosze\s+o(?=\W*\Z)"
        rf"|bedzie(?=\W*\Z|{_SELF}\s+"
        r"(?:moj|moim|moja|nowym|jako|on[ao]?|to|ten|adres\w{0,2}|login\w{0,2}|pod|brzmial)\b)"
        rf"|niech\s+(?:(?:nim|on[ao]?|moim|nowym)\s+){{0,2}}(?:loginem\s+)?(?:bedzie|zostanie){_BE_DONE}|odtad|od\s+teraz"
        r"|(?:teraz|obecnie)\s+mam(?!\s+(?:w|na|login|wpis|zapis))|po\s+zmianie|new"
        r"|hasl\w{1,2}\s+awaryjn\w{1,3}\s+(?:oraz|i)\s+(?:nowy\s+)?login\w{0,2}"
        r"(?:\s+(?:na|bedacego|o\s+nazwie|w\s+(?:postaci|formie"
        r"|brzmieniu)))?(?:\s+(?:moj\s+)?adres\w{0,2})?(?=\W{0,9}\Z)"
        rf"|(?:chc\w{{1,8}}|pragne|wole){_SELF}\s+(?:logowac|uzywac|korzystac|miec|poslugiwac){_SELF}(?:\s+przez)?"
        r"|chc\w{1,8}(?:\s+(?:sie|teraz|juz)){0,2}\s+(?:jako|pod|przez)"
        rf"|bede{_SELF}\s+(?:uzywa|logowa|korzysta|poslugiwa)\w{{1,2}}{_SELF}|przypis\w{{1,4}}\s+kont\w\s+do"
        r"|(?:ustaw|przypis|nada)\w{1,6}\s+(?:(?:mi|prosze|jako)\s+){0,3}login\w{0,2}"
        r"|(?:prosz\w|wnosze|prosil\w{1,3})\s+o\s+login\w{0,2}(?=\W{0,9}\Z)|o\s+ktor\w{1,3}\s+prosze|po(?=\s*[:\t])"
        rf"|(?:{_ASKS}|(?=\w{{3,12}}cie\b)){_GIVEN}(?=[^:;.,]{{0,60}}{_NOUN}\W*\Z)|{_BY_WHICH}"
        r"|do\s+(?:przypisania|nadania|wpisania|zapisania)"
        r"|chc\w{1,8}\s+(?:miec\s+)?login\w{0,2}"
        r"|(?:ze|a)?by\s+(?:(?:to|on[ao]?|ten|ta)\s+){0,2}(?:zostal|byl|stal)[ao]?\s+"
        r"(?:(?:sie|moim|nowym)\s+){0,3}loginem"
        r"|jako\s+(?:(?:moj|nowy)\s+){0,2}login(?=\s+(?:prosz|chc))|chc\w{1,8}(?=\s*:)"
        r"|(?:ze|a)?by\s+(?:(?:moj|nowy)\s+){0,2}login\s+(?:byl|brzmial)"
        rf"|{_WANTED}"
        rf"|{_NOUN}\s+do\s+ustawienia"
    ),
}
_PATTERNS = tuple(
    (role, adjective, re.compile(rf"(?<![\w@.])(?:{patterns[role]})(?!\w|\.\w)"))
    for adjective, patterns in ((True, _ADJECTIVES), (False, _PHRASES))
    for role in Role
)
_OF_NO_MAILBOX = re.compile(r"(?:\s+\w+){0,1}\s+hasl")
SENT = re.compile(
    r"\b(?:(?:wys|odes|prze?s)l|przysl|dorecz|dostarcz|potwierdz|zawiadom|powiadom|poinform|odpow|s?kontakt"
    r"|pis(?:ac|zcie)"
    r"|(?:otrzym|dosta)(?=\w{0,6}\s[^,;.\n]{0,40}\sna\s))\w*"
    r"(?:(?!\s(?:i|oraz)\s(?:o\s|ustaw|zmi[ae]n|nada|przypis|podmian|podmien|login))[^,;.\n@]){0,80}\Z"
)
"""Where something is sent to an address, be it the new login itself."""
_NOT = re.compile(r"\bnie\b(?:(?!\s(?:i|a|oraz|ale|lecz|wiec)\s)[^,;.:()\n]){0,60}\Z")
INSTEAD = re.compile(r"\b(?:zamiast|w\s+miejsce)\s+(?:\w+\s+){0,2}$")
CHANGE = re.compile(
    r"\b(?!\w{3,9}(?:il[aoi]?|iono|iony|iona)\b(?!\s+sie))"  # what others did is no change that is asked for
    r"(?:zmia\w{1,5}|zmien\w{1,6}|zamia\w{1,4}|zamien\w{1,6}|podmia\w{1,4}|wymian\w|wymieni\w{1,5}|(?:z?modyfik|przerejestr)\w{1,6}|przeni\w{1,8}|aktualizac\w{1,3}"
    r"|przestaw\w{1,6}|przepi\w{1,6})\b"
)
LOGIN = re.compile(r"\blogin(?:u|em|ie)?\b")
"""A bare "login": the one that is, unless a word next to it says otherwise."""
ASKED = re.compile(
    r"\b(?:prosz\w{1,3}|wnosz\w|ustaw\w{1,4}|nada\w{1,6}|przypis\w{1,4}|chc\w{1,8}|dajcie|wybier\w{1,3}|potrzeb\w{1,4})"
    r"\s+(?:(?:mi|o|prosze|nowe|haslo|hasla|awaryjne|awaryjnego|i|oraz|taki|miec)\s+){0,6}\Z"
)
"""What stands in front of a "login" that is wished for."""
_IT = r"(?:ten|to|tym|ta|te|nia|nim|go|ja|on|ona)\s(?:(?:adres|mail|skrzynk|poczt)\w{0,3}\s)?"
_ASK = r"(?:prosze|chc\w{1,8}|bede|niech)"
WISHED = re.compile(
    rf"[\s,–-]{{0,4}}(?:(?:i|a|oraz)\s)?(?:{_IT}{_ASK}|{_ASK},?\s(?:(?:sie|ze?by|aby|by|mi)\s)?{_IT})"
    r"(?![^.;@\n]{0,60}\b(?:zmien|zamien|podmien|zastap|nie\b|wysl|przesl))[^.;@\n]{0,60}\b"
    r"(?:login|logow|uzyw|ustaw|przypis|wpis)"
)
"""What says behind an address that this is the one to be set: "i ten adres proszę ustawić"."""
WAS_USED = re.compile(
    rf"[\s,–-]{{0,4}}(?:(?:i|a|oraz)\s)?(?:na\s)?{_IT}(?:sie\s)?"
    r"(?:logowal|loguje|zakladal|zalozyl|zarejestrowal|uzywal)"
)
AS_LOGIN = re.compile(r"\s*jako\s+(?:(?:moj|swoj)\w{0,2}\s+){0,2}login")
"""Behind an address that one asks to set."""
WHICH = re.compile(r"\bktor\w{1,3}\b")
SET = re.compile(r"\b(?:ustaw|wprowadz|wpis|nada)\w{1,6}\W+(?:\w+\W+){0,3}$")
DENIED = re.compile(
    r"\bnie(?:\s+(?:na|to|jako|jest\s+nim))?\W*\Z"
    r"|\bnie\s+(?:(?:now|star|dotychczas|poprzedni|moj|ten|ta|tego)\w{0,5}\s+){1,3}"
    r"(?:(?:login|adres|mail)\w{0,3}\W{0,3})?\Z"
    r"|\bnie\s+(?:jest|to|byl\w{0,2}|bedzie|ma\s+byc|chc\w{1,8}|prosze|moze\s+byc|nalezy|nadawa\w{1,3}|ustawia\w{1,3}"
    r"|zmienia\w{1,3})\b[^,;.]{0,80}\Z"
)
"""What takes the role of an address away: "nowy login to nie …, lecz …"."""
WRONG = re.compile(
    r"\b(?:omylkow|blednie|mylnie)\w{0,2}\s+(?:\w+\s+){0,2}(?:podan|wskazan|wpisan|podal|wskazal)"
    r"|\b(?:sprostow|korygu|skoryg|odwrotni|na\s+odwrot|miejscami\b"
    r"|(?:po)?myl(?:e|il\w{1,2})\s+(?:login|adres|kolejno))"
)
LOGIN_OR_ADDRESS = re.compile(r"@|\b(?:login|adres|e-?mail|mail)")
THEIRS = re.compile(
    rf"\b{_NOUN}\s+"
    r"(?:(?:e-?mail|elektroniczn\w{1,3}|pocztow\w{1,3}|moj\w{1,4}|nasz\w{1,4}|pan\w{1,2})\s+){0,3}"
    r"(?:corki|syna|zony|meza|brata|siostry|matki|mamy|ojca|taty|ksiegow\w{1,3}|pelnomocnik\w{1,2}|koleg\w{1,2}"
    r"|kolezanki|szef\w{1,5}|prezes\w{1,2}|wnucz\w{1,3}|wnuka|adwokat\w{1,2}|doradcy|wspolnik\w{1,2}|partner\w{1,2}"
    r"|sasiad\w{1,2}|znajom\w{1,3}|pracownik\w{1,2}|pracownicy|wierzyciel\w{1,2}|nastepc\w{1,2}|klient\w{1,2})\b"
    r"[^,.;]{0,40}\Z"
)
"""Whose mailbox it is, where that is somebody else."""
NEXT = re.compile(
    r"[,;]?\s(?:bo|poniewaz|gdyz|wiec|dlatego|zatem|ale|lecz|natomiast|zas|jednak|bowiem|albowiem|prosze|wnosze|podczas"
    r"|(?<=,\s)a|(?:i|oraz)\s+(?:prosze|wnosze|chc\w{1,8}))\s"
)
"""Where another clause of the same sentence begins: a cue before it does not speak of an address behind it."""

ASIDE = re.compile(
    r",\s(?!(?:\w{1,5}\s)?(?:ktor|to\b|rowniez|takze|tym|tj\b|czyli|tzn|jest|mianowicie"
    r"|a\swiec\b|adres|login|e-?mail|mail|konto|skrzyn|poczt))"
)
"""A comma that parts a cue from an address behind it."""
CONTACT = (
    *("pisz", "pisa", "napisa", "wysyl", "wysla", "przesl", "kontakt", "skontakt", "tel", "fax", "faks", "koresp"),
    *("odpow", "kopi", "dw", "cc", "adresat", "helpdesk", "iod", "inspektor", "biuro", "infolini", "zglosi", "zglasz"),
)
"""How words begin beside one at which somebody is reached."""
PARENTHESIS = re.compile(r",\s+(?:\w{1,3}\s+)?ktor\w{1,3}\s[^,:]{0,80}[,:]")
"""A relative clause between a cue and what it speaks of: "login, którego będę używać, to …"."""
SETTING = re.compile(
    r"\b(?:prosze|prosil\w{1,3}|wnosze|chc\w{1,8})(?:\s+(?:mi|o|uprzejmie)){0,2}"
    r"\s+(?:ustaw|nada|przypis|wprowadz|wpis|ustan|przyj|uzna)\w{1,6}|\b(?:wskazuje|podaje|wybieram|proponuje)\b"
)
"""How one asks for what is named: "jako nowy login proszę ustawić …"."""
_OF_ACCOUNT = re.compile(r"\bkont(?:o|a|em|u|cie)(?:\s+(?:w\s+)?puesc)?[\s(\"„]*\Z")
"""An address behind it is the one that the account has: "nadanie loginu do konta …"."""
_LABEL = re.compile(r"[^:]{0,100}:\W*\Z")
_VERB = re.compile(r"\w+(?:l[ea]m|lo|ly|li|uje|amy|emy|ac|ic|yc|ec)")
_MOST_ADDED = 4
_JOINED = re.compile(r"\s(?:i|oraz|lub|albo|nie)\s")

NOUNS = word_set(
    """
    login loginu loginem loginie loginy profil profilu identyfikator identyfikatora identyfikatorem adres adresu
    adresem adresie adresy e email emaila emailu emailem mail maila
    mailem mailu mailowy mailowego mailowym poczta poczty poczte elektroniczny elektroniczna elektronicznej
    elektronicznego skrzynka skrzynki skrzynke skrzynce pocztowa pocztowej pocztowe konto konta koncie puesc moj moja
    moje mojego mojej moim mojemu
    """
)
FILLERS = NOUNS | word_set(
    """
    mailto dane danych do to jest byl byla bylo bedzie byc ma na z ze tj tzn czyli jako pod nazwa nazwie brzmi brzmial
    brzmiec nastepujacy nastepujacego nastepujaca w systemie portalu portal platformie uzytkownika ktory ktorym ktora
    ktorego ktorej ktore
    postac postaci formie mi logowania bedacy bedaca bedacego zarazem taki niego niej brzmieniu on ona ono nim niech
    i prywatny prywatna prywatnego prywatnej prywatnym sluzbowy sluzbowa sluzbowego
    sluzbowej imienny imiennego wlasny wlasna wlasnego wlasnej osobisty osobistego firmowy firmowa firmowego firmowej
    domowy domowego domowa domowej swoj swojego swojej swoim sie r roku wskazuje podaje inny innego ten tego tej ta
    wskazany podany
    the my is was should be mailbox address account
    """
)
"""Words that may stand between a cue and its address without parting them."""
_LABEL_WORDS = FILLERS | word_set("utracony nowy stary zarejestrowany to zostaje utracone niedostepny dostepny")


def fill(text: str, allowed: frozenset[str] = FILLERS) -> bool:
    """Whether a flat text is nothing but fillers."""
    return allowed.issuperset(words(text))


def leads(between: str, role: Role) -> bool:
    """Whether a cue of ``role`` with ``between`` behind it stands directly at the address there."""
    between = PARENTHESIS.sub(" ", between)
    if role is Role.NEW:
        between = SETTING.sub(" ", between)
    return fill(between) and not ASIDE.search(between) and (role is Role.OLD or _OF_ACCOUNT.search(between) is None)


def labels(between: str) -> bool:
    """Whether ``between`` makes a label of the cue before it: "nowy adres do logowania:", "login nowy, mój własny:"."""
    if _LABEL.match(between) is None or _JOINED.search(between) or NEXT.search(between):
        return False
    added = [word for word in words(between) if word not in FILLERS]
    return len(added) <= _MOST_ADDED and not any(word.startswith(CONTACT) or _VERB.fullmatch(word) for word in added)


def cues(context: str) -> list[Cue]:
    """Every cue of a flat context, by its end; those that only say what is replaced ("zamiast starego") left out."""
    return sorted(_cues(context), key=lambda cue: cue.end)


def _cues(context: str) -> Iterator[Cue]:
    for role, adjective, pattern in _PATTERNS:
        for match in pattern.finditer(context):
            if adjective and not _qualifies(context[match.end() :]):
                continue
            if role is Role.NEW and not adjective and refused(context[: match.start()]):
                continue
            if INSTEAD.search(context[: match.start()]) and not fill(context[match.end() :], NOUNS):
                continue
            yield Cue(match.start(), match.end(), role)


def refused(before: str) -> bool:
    """Whether a clause with ``before`` in it says that something is not done: "nie mogę ustawić loginu …"."""
    return _NOT.search(before) is not None


def _qualifies(behind: str) -> bool:
    """Whether an adjective with ``behind`` behind it belongs to an account or a mailbox, or stands alone."""
    if _OF_NO_MAILBOX.match(behind):
        return False
    following = re.match(r"[^\S\n]{1,3}([^\W_]+)", behind)
    return following is None or following[1] in _LABEL_WORDS or following[1] in _ALONE


_ALONE = word_set("nie juz zostal zostala przepadl przepadla niech oraz lub prosze")


def told(found: Iterable[Cue]) -> set[Role]:
    """The roles of which cues speak."""
    return {cue.role for cue in found}
