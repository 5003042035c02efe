"""The four data out of texts as people write them. OLD and NEW stand for addresses, so a swap is always seen."""

from __future__ import annotations

import pytest

from mailbot.application.data import Application
from mailbot.application.document import Document
from mailbot.application.letter.fields import fields

OLD = "adam.szymanski@dawna-firma.example"
NEW = "adam@nowa.example"
OTHER = "biuro@inny.example"
ADAM = ("Adam", "Szymański")
GENITIVE = ("Adama", "Szymańskiego")
NOBODY = (None, None)

COMPLETE: list[tuple[str, tuple[str, str]]] = [
    # forms with labels
    ("Imię: Adam\nNazwisko: Szymański\nDotychczasowy login: OLD\nNowy adres e-mail: NEW", ADAM),
    ("Imię i nazwisko: Adam Szymański\nStary login: OLD\nNowy login: NEW", ADAM),
    ("Nazwisko i imię: Szymański Adam\nObecny login: OLD\nNowy login: NEW", ADAM),
    ("IMIĘ: ADAM\nNAZWISKO: SZYMAŃSKI\nSTARY LOGIN: OLD\nNOWY LOGIN: NEW", ("ADAM", "SZYMAŃSKI")),
    ("Wnoszę ja, Adam Szymański, o nowy login PUESC w miejsce\ndotychczasowego.\nOLD\n(dotychczasowy login)\n"
     "NEW\n(nowy login)", ADAM),
    ("Ja, Adam Szymański. Mój dotychczasowy login: OLD. Nowy adres e-mail, który ma być\nmoim loginem: NEW.", ADAM),
    ("1. Imię: Adam\n2. Nazwisko: Szymański\n3. Dotychczasowy login PUESC: OLD\n4. Nowy adres email: NEW", ADAM),
    ("• Imię – Adam\n• Nazwisko – Szymański\n• Poprzedni login – OLD\n• Nowy login – NEW", ADAM),
    ("Imię ........Adam........\nNazwisko ......Szymański......\nDotychczasowy login ....OLD....\n"
     "Nowy login ....NEW....", ADAM),
    ("Imię: ____Adam____ Nazwisko: ____Szymański____\nDotychczasowy login: ____OLD____\nNowy login: ____NEW____", ADAM),
    ("Imię:\nAdam\nNazwisko:\nSzymański\nDotychczasowy login:\nOLD\nNowy adres e-mail:\nNEW", ADAM),
    ("Imię\tAdam\nNazwisko\tSzymański\nDotychczasowy login\tOLD\nNowy adres e-mail\tNEW", ADAM),
    ("Imię\tNazwisko\tStary login\tNowy login\nAdam\tSzymański\tOLD\tNEW", ADAM),
    ("Lp.\tDane\tWartość\n1.\tImię\tAdam\n2.\tNazwisko\tSzymański\n3.\tStary login\tOLD\n4.\tNowy login\tNEW", ADAM),
    ("Imię: Adam, nazwisko: Szymański, dotychczasowy login: OLD, nowy e-mail: NEW", ADAM),
    ("Imię (imiona): Adam\nNazwisko: Szymański\nLogin: OLD\nNowy adres e-mail / nowy login: NEW", ADAM),
    ("Imię i nazwisko wnioskodawcy: Adam Szymański\nStary login / adres e-mail, do którego utraciłem dostęp: OLD\n"
     "Nowy adres e-mail / nowy login: NEW", ADAM),
    ("Imię i nazwisko: Adam Szymański\nemail (login PUESC) do którego utraciłem dostęp: OLD\n"
     "nowy adres email, który będzie nowym loginem do PUESC: NEW", ADAM),
    ("Nazwisko: Szymański\nImię: Adam\nNowy login (inny niż dotychczasowy): NEW\nDotychczasowy login: OLD", ADAM),
    ("imię: adam\nnazwisko: szymański\nstary login: OLD\nnowy login: NEW", ("adam", "szymański")),
    ("Adam Szymański\n(imię i nazwisko)\nOLD\n(dotychczasowy login)\nNEW\n(nowy adres e-mail)", ADAM),
    ("Wnioskodawca: Adam Szymański\nDotychczasowe dane:\nE-mail: OLD\nNowe dane:\nE-mail: NEW", ADAM),
    ("Dane osobowe: Adam Szymański\nUtracony adres e-mail: OLD\nDocelowy adres e-mail: NEW", ADAM),
    ("Imię Adam\nNazwisko Szymański\nStary e-mail OLD\nNowy e-mail NEW", ADAM),
    ("Imię Adam Nazwisko Szymański\nStary e-mail OLD nowy e-mail NEW", ADAM),
    ("Imię i nazwisko: Adam Szymański, PESEL 72010112345, ur. 1972\nStary login: OLD\nNowy login: NEW", ADAM),
    ("Imię i nazwisko: mgr inż. Adam Szymański\nStary login: OLD\nNowy login: NEW", ADAM),
    ("Nazwisko: Szymański\nImię: Adam\nE-mail, którego użyto przy założeniu konta: OLD\n"
     "E-mail użyty do założenia konta: OLD\n"
     "Nowy e-mail: NEW", ADAM),
    ("Imię = Adam\nNazwisko = Szymański\nStary login = OLD\nNowy login = NEW", ADAM),
    ("Drugie imię: Jan\nImię ojca: Piotr\nNazwisko rodowe matki: Kot\nImię: Adam\nNazwisko: Szymański\n"
     "Stary login: OLD\nNowy login: NEW", ADAM),
    # prose
    ("Ja, Adam Szymański, wnoszę o nadanie nowego hasła awaryjnego oraz loginu do konta PUESC. Utraciłem dostęp do "
     "adresu OLD (login PUESC). Nowy adres e-mail: NEW", ADAM),
    ("Ja, niżej podpisany Adam Szymański, proszę o zmianę loginu z OLD na NEW.", ADAM),
    ("Mam na imię Adam, nazwisko Szymański. Login obecny: OLD\nLogin nowy: NEW", ADAM),
    ("Name: Adam Szymański\nOld login: OLD\nNew login: NEW", ADAM),
    ("Login, którego używałem: OLD\nLogin, którego chcę używać: NEW\nZ poważaniem\nAdam Szymański, tel. 600 600", ADAM),
    ("Dotychczas logowałem się jako OLD, a chcę logować się jako NEW.\nAdam Szymański", ADAM),
    ("Login do zmiany: OLD\nLogin po zmianie: NEW\nWniosek składa: Adam Szymański", ADAM),
    ("Było: OLD\nMa być: NEW\nKancelaria Radcy Prawnego\nAdam Szymański", ADAM),
    ("Proszę o nadanie nowego hasła awaryjnego i loginu NEW. Mój dotychczasowy login to OLD.\nAdam Szymański", ADAM),
    # the only other address, where the new one is told
    ("Konto w PUESC założyłem na adres OLD i nie pamiętam hasła.\nNowy login: NEW\nAdam Szymański", ADAM),
    ("Dotyczy konta PUESC: OLD\nNowy login: NEW\nAdam Szymański", ADAM),
    ("Ja, niżej podpisany/a Adam Szymański, proszę o zmianę loginu OLD na NEW.", ADAM),
    ("Ja niżej podpisana(-y) Adam Szymański proszę o zmianę adresu e-mail z dotychczasowego OLD na nowy NEW.", ADAM),
    ("Nazywam się Adam Szymański. Dotychczasowym loginem był OLD, nowym loginem ma być NEW.", ADAM),
    ("Ja, Adam Szymański, straciłem dostęp do skrzynki OLD i proszę o zmianę loginu na NEW.", ADAM),
    ("Ja, Adam Szymański, oświadczam, że do adresu OLD utraciłem dostęp, nowy adres to NEW.", ADAM),
    ("Ja, Adam Szymański, informuję, że nie mam już dostępu do skrzynki OLD. "
     "Proszę, aby NEW był moim nowym loginem.", ADAM),
    ("Wniosek Adama Szymańskiego o nadanie nowego hasła awaryjnego oraz loginu do konta PUESC.\n"
     "Adres OLD, do którego utraciłem dostęp, proszę zmienić na NEW.", GENITIVE),
    ("Proszę o zmianę hasła awaryjnego oraz zmianę adresu e-mail dla Adama Szymańskiego.\n"
     "Stary adres: OLD\nNowy adres: NEW", GENITIVE),
    ("Ja, Adam Szymański, proszę o nadanie nowego hasła awaryjnego oraz nowego loginu do konta PUESC, ponieważ "
     "utraciłem dostęp do adresu OLD. Nowym loginem będzie NEW.", ADAM),
    ("Ja, Adam\nSzymański, utraciłem dostęp do\nadresu OLD\nNowy adres e-mail to\nNEW", ADAM),
    ("Ja, Adam Szymański: OLD (stary login), NEW (nowy login).", ADAM),
    ("Ja, Adam Szymański. OLD - stary login, NEW - nowy login.", ADAM),
    ("Ja, Adam Szymański. NEW ma być nowym loginem zamiast dotychczasowego loginu OLD.", ADAM),
    ("Ja, Adam Szymański, wnoszę o zmianę loginu. Podaję OLD jako dotychczasowy login i NEW jako nowy login.", ADAM),
    ("JA, ADAM SZYMAŃSKI, WNOSZĘ O ZMIANĘ LOGINU Z OLD NA NEW.", ("ADAM", "SZYMAŃSKI")),
    ("Ja Adam Szymański wnoszę o zmianę loginu z adresu OLD na adres NEW", ADAM),
    ("Ja, Adam Szymański, utraciłam dostęp do mailto:OLD. Nowy adres: <mailto:NEW>", ADAM),
    ("Szanowni Państwo,\nutraciłem dostęp do skrzynki OLD, a nowym loginem ma być NEW.\n"
     "Z poważaniem\nAdam Szymański", ADAM),
    ("Adam Szymański\nul. Kwiatowa 1\n00-001 Warszawa\n\nProszę o zmianę loginu z OLD na NEW.\n\nAdam Szymański", ADAM),
    ("Adam Szymański, login: OLD, nowy adres: NEW", ADAM),
    ("Zwracam się z prośbą o zmianę. Mój dotychczasowy adres (OLD) nie działa. Mój nowy adres (NEW) działa.\n"
     "Z wyrazami szacunku,\nAdam Szymański", ADAM),
    ("Ja, Adam Szymański, dotychczasowy użytkownik. Stary login: OLD; nowy login: NEW; kontakt: OTHER", ADAM),
    ("Do: OTHER\nJa, Adam Szymański, proszę o zmianę loginu z OLD na NEW. Tel. 600 600 600", ADAM),
    ("Wnioskodawca: Adam Szymański\nUtraciłem dostęp do skrzynki pocztowej, której używałem do logowania w PUESC, tj. "
     "OLD.\nProszę o przypisanie do mojego konta adresu NEW, który będzie nowym loginem.", ADAM),
    ("Dane: Adam Szymański, PESEL 72010112345\nDotychczasowy adres e-mail (login): OLD\n"
     "Adres e-mail, który ma być nowym loginem: NEW", ADAM),
    ("Proszę o zmianę adresu email przypisanego do konta PUESC z OLD na NEW.\n\nAdam Szymański", ADAM),
    ("Ja, Adam Szymański. Dotychczas: OLD. Od teraz: NEW.", ADAM),
    ("Niniejszym ja Adam Szymański wnioskuję o nadanie nowego hasła awaryjnego oraz zmianę loginu. "
     "Mój stary login to OLD a nowy to NEW.", ADAM),
    ("Nazywam się Adam Szymański, mój login w PUESC to OLD ale nie mam już do niego dostępu. "
     "Chcę używać adresu NEW jako nowego loginu.", ADAM),
    # spelling of addresses
    ("Ja, Adam Szymański. Stary login: ADAM.SZYMANSKI@\ndawna-firma.example\nNowy login: adam @ nowa.example",
     ("Adam", "Szymański")),
    ("Ja, Adam Szymański. Stary login: adam.szymanski@dawna-\nfirma.example\n"
     "Nowy login: ad\u00adam@no\u200bwa.example.", ADAM),
    ("Ja, Adam Szymański. Stary login: OLD.\nNowy login: NEW <mailto:NEW>", ADAM),
    ("Ja, Adam Szymański. Stary login: OLD\nNowy login: NEW\nPowtarzam nowy login: NEW", ADAM),
    # names
    ("Imię i nazwisko: Jan Paweł Nowak-Kowalski\nStary login: OLD\nNowy login: NEW", ("Jan Paweł", "Nowak-Kowalski")),
    ("Imię i nazwisko: Anna Nowak - Kowalska\nStary login: OLD\nNowy login: NEW", ("Anna", "Nowak-Kowalska")),
    ("Imię i nazwisko: Jan van der Berg\nStary login: OLD\nNowy login: NEW", ("Jan", "van der Berg")),
    ("Imię i nazwisko: KOWALSKI Jan\nStary login: OLD\nNowy login: NEW", ("Jan", "KOWALSKI")),
    ("Ja, Sean O’Neill, proszę o zmianę loginu z OLD na NEW.", ("Sean", "O’Neill")),
    ("Wniosek Adama Szymańskiego\nImię: Adam\nNazwisko: Szymański\nStary login: OLD\nNowy login: NEW\n"
     "Z poważaniem\nAdam Szymański", ADAM),
    ("Wniosek\nImię i nazwisko: Łucja Żółć\nStary login: OLD\nNowy login: NEW", ("Łucja", "Żółć")),
    ("Wniosek\nImię i nazwisko: Łucja Żo\u0301łc\u0301\nStary login: OLD\nNowy login: NEW", ("Łucja", "Żółć")),
]  # fmt: skip

DOUBT: list[tuple[str, tuple[str | None, str | None], str | None, str | None]] = [
    # nothing but labels: an empty form gives no data, never its labels
    ("Imię:\nNazwisko:\nDotychczasowy login:\nNowy adres e-mail:", NOBODY, None, None),
    ("Imię: ........\nNazwisko: ........\nStary login: ........\nNowy login: ........", NOBODY, None, None),
    ("Imię: [imię]\nNazwisko: (nazwisko)\nStary login: brak\nNowy login: brak", NOBODY, None, None),
    ("Imię: XXX\nNazwisko: (podaj nazwisko)\nStary login: -\nNowy login: x", NOBODY, None, None),
    # columns read one after the other
    ("Imię:\nNazwisko:\nAdam\nSzymański\nDotychczasowy login:\nNowy adres e-mail:\nOLD\nNEW", NOBODY, None, None),
    ("Imię: Adam\nNazwisko: Szymański\nStary login Nowy login\nOLD NEW", ADAM, None, None),
    # order alone
    ("Ja, Adam Szymański. Adresy: OLD, NEW", ADAM, None, None),
    ("Ja, Adam Szymański. OLD\nNEW", ADAM, None, None),
    ("Ja, Adam Szymański. Utraciłem dostęp do OLD. Mój e-mail: NEW", ADAM, OLD, None),
    ("Ja, Adam Szymański. Piszę z adresu OTHER. Nowy login: NEW", ADAM, None, NEW),
    # two values for one datum
    ("Imię: Adam\nImię: Jan\nNazwisko: Szymański\nStary login: OLD\nNowy login: NEW", NOBODY, OLD, NEW),
    ("Ja, Adam Szymański. Stary login: OLD\nStary login: OTHER\nNowy login: NEW", ADAM, None, NEW),
    ("Ja, Adam Szymański. Stary login: OLD\nNowy login: NEW\nNowy login: OTHER", ADAM, OLD, None),
    ("Ja, Adam Szymański. Stary login: OLD\nNowy login: NEW, OTHER", ADAM, OLD, None),
    ("Ja, Adam Szymański, w imieniu Anny Nowak. Stary login: OLD\nNowy login: NEW", NOBODY, OLD, NEW),
    ("Imię i nazwisko: Adam Szymański\nStary login: OLD\nNowy login: NEW\nZ poważaniem\nAnna Nowak", NOBODY, OLD, NEW),
    # one missing
    ("Ja, Adam Szymański. Nowy login: NEW", ADAM, None, NEW),
    ("Ja, Adam Szymański. Nowe hasło proszę wysłać na adres OTHER.", ADAM, None, None),
    ("Nazwisko: Szymański\nStary login: OLD\nNowy login: NEW", (None, "Szymański"), OLD, NEW),
    ("Imię: Adam\nNazwisko:\nStary login: OLD\nNowy login: NEW", ("Adam", None), OLD, NEW),
    ("Stary login: OLD\nNowy login: NEW", NOBODY, OLD, NEW),
    ("Dotychczasowy login: brak\nE-mail do korespondencji: OTHER\nNowy login: NEW", NOBODY, None, NEW),
    ("Dotychczasowy login:\nE-mail: OTHER\nNowy login: NEW", NOBODY, None, NEW),
    ("Login jest w kopercie. Kontakt przez pocztę OTHER.\nNowy login: NEW", NOBODY, None, NEW),
    ("Konto w PUESC założyłem na adres OLD. Moja poczta to OTHER.\nNowy login: NEW", NOBODY, None, NEW),
    ("Dotychczasowy login: OLD\nMoja poczta to OTHER.", NOBODY, OLD, None),
    ("Dotychczasowy login: OLD\nNowy login: NEW lub OTHER", NOBODY, OLD, None),
    ("Dotychczasowy login: nie pamiętam\nOTHER\nNowy login: NEW", NOBODY, None, NEW),
    # an address that is none
    ("Ja, Adam Szymański. Stary login: OLD\nNowy login: adam@nowa..example", ADAM, OLD, None),
    ("Ja, Adam Szymański. Stary login: adam(malpa)nowa\nNowy login: NEW", ADAM, None, NEW),
    ("Ja, Adam Szymański. Nowy adres, którego dotychczasowy login to OLD", ADAM, None, None),
    ("Ja, Adam Szymański. Poprzedni login: OLD\nAktualny adres e-mail: NEW", ADAM, OLD, None),
    # a stranger in the text
    ("Naczelnik Jan Nowak\nUrząd\nStary login: OLD\nNowy login: NEW", NOBODY, OLD, NEW),
    ("Proszę, by zamiast dotychczasowego loginu ustawić NEW.", NOBODY, None, None),
]  # fmt: skip


def _fill(text: str) -> str:
    return text.replace("OLD", OLD).replace("NEW", NEW).replace("OTHER", OTHER)


@pytest.mark.parametrize(("text", "person"), COMPLETE)
def test_complete_applications(text: str, person: tuple[str, str]) -> None:
    found = fields(Document(_fill(text)))
    assert (found.given, found.surname) == person
    assert (found.old_login or "").lower() == OLD
    assert (found.new_email or "").lower() == NEW
    assert found.readable
    assert found.missing == ()


@pytest.mark.parametrize(("text", "person", "old", "new"), DOUBT)
def test_doubt_is_none(text: str, person: tuple[str | None, str | None], old: str | None, new: str | None) -> None:
    assert fields(Document(_fill(text))) == Application(*person, old, new)


@pytest.mark.parametrize(
    ("text", "names"),
    [
        (
            "Wniosek o zmianę adresu e-mail. Jan Kowalski, login jan@stara.example, nowy jan@nowa.example",
            ("Jan", "Kowalski"),
        ),
        ("Jan Kowalski, login: jan@stara.example, nowy adres: jan@nowa.example", ("Jan", "Kowalski")),
        (
            "Wniosek. Jan M. Kowalski Nowak, login: jan@stara.example, nowy: jan@nowa.example",
            ("Jan M Kowalski", "Nowak"),
        ),
    ],
)
def test_a_name_at_the_start_of_a_sentence(text: str, names: tuple[str | None, str | None]) -> None:
    found = fields(Document(text))
    assert (found.given, found.surname) == names
    assert (found.old_login, found.new_email) == ("jan@stara.example", "jan@nowa.example")
