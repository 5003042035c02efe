"""Somebody calls."""

from __future__ import annotations

WORDS: dict[str, tuple[str, str]] = {
    "telephone": ("Telefon", "Telephone"),
    "phone.who": ("Kto dzwoni", "Who calls"),
    "phone.who-help": (
        "Numer zgłoszenia w dowolnym zapisie, adres e-mail albo nazwisko.",
        "The number of the ticket in any spelling, an e-mail address or a name.",
    ),
    "phone.many": (
        "Takich zgłoszeń jest za dużo. Poproś o numer zgłoszenia albo pełny adres e-mail.",
        "There are too many of them. Ask for the number of the ticket, or the full e-mail address.",
    ),
    "phone.there": ("Jest na liście urzędu.", "It is in the office's list."),
    "phone.do-not-say": (
        "Nie mów tego dzwoniącemu. Najpierw zadaj pytania.",
        "Do not say so to the caller. Ask the questions first.",
    ),
    "phone.begin": ("{number}: zadaj pytania", "{number}: ask the questions"),
    "phone.none": (
        "Nic nie znaleziono. Nie mów dzwoniącemu, czy coś jest na liście: poproś, żeby napisał e-mail.",
        "Nothing was found. Do not say whether anything is in the list: ask the caller to write an e-mail.",
    ),
    "phone.call": ("Rozmowa o {number}", "Call about {number}"),
    "phone.other": ("Inna rozmowa", "Another call"),
    "phone.foreign": (
        "Tę sprawę prowadzi inny zespół. Możesz ją tylko wstrzymać.",
        "Another desk has this matter. You can only stop it.",
    ),
    "phone.ask": ("Zapytaj i wpisz, co mówi dzwoniący", "Ask, and type what the caller says"),
    "phone.ask-help": (
        "Nie podpowiadaj i nie powtarzaj. Czego nie pytasz, zostaw puste. Strona powie tylko, czy się zgadza.",
        "Do not prompt and do not repeat. Leave empty what you do not ask. The page only tells right from wrong.",
    ),
    "phone.ask.name": ("Imię i nazwisko", "Full name"),
    "phone.ask.year": ("Rok urodzenia", "Year of birth"),
    "phone.ask.login": ("Adres e-mail, który jest loginem", "The e-mail address that is the login"),
    "phone.ask.matter": ("O co prosił", "What was asked"),
    "phone.ask.day": ("Kiedy napisał (może się pomylić o dwa dni)", "When the letter was sent (give or take two days)"),
    "phone.compare": ("Porównaj", "Compare"),
    "phone.mark.right": ("✓ zgadza się", "✓ right"),
    "phone.mark.wrong": ("✗ nie zgadza się", "✗ wrong"),
    "phone.mark.unsure": ("? poproś o przeliterowanie", "? ask to spell it"),
    "phone.mark.not-asked": ("nie pytano", "not asked"),
    "phone.one-wrong": (
        "Jedna odpowiedź się nie zgadza. Nie mów która. Jeszcze jedna zła i kończysz rozmowę.",
        "One answer is wrong. Do not say which. One more, and the call is over.",
    ),
    "phone.by-mail": ("Powiedz: odpowiemy e-mailem na login.", "Say: we will answer by e-mail to the login."),
    "phone.by-mail-why": (
        "W ciągu doby dwie odpowiedzi o tej sprawie się nie zgadzały. Nic więcej nie mów. Rozmowa jest zapisana.",
        "Two answers about this matter were wrong within a day. Say nothing else. The call is written down.",
    ),
    "phone.say": ("Co wolno powiedzieć", "What may be said"),
    "phone.clear": ("Dzwoniący odpowiedział dobrze na wszystkie pytania.", "The caller answered every question right."),
    "phone.say.checked": (
        "Sprawę sprawdza pracownik. Odpowiedź przyjdzie e-mailem.",
        "Somebody is checking the matter. The answer will come by e-mail.",
    ),
    "phone.say.came": ("List przyszedł {at}.", "The letter came at {at}."),
    "phone.say.sent": ("Wysłaliśmy e-mail {at}.", "We sent an e-mail at {at}."),
    "phone.say.asked": ("Czekamy na odpowiedź na nasze pytanie do {at}.", "We wait for an answer until {at}."),
    "phone.say.promised": ("Odpowiemy do {at}.", "We will answer by {at}."),
    "phone.say.answered": ("Odpowiedź wysłaliśmy {at}. Wszystko jest w mailu.", "We answered at {at}, by e-mail."),
    "phone.say.on-its-way": (
        "Decyzja jest, mail jest w drodze. Wszystko będzie w mailu.",
        "It is decided and the mail is on its way.",
    ),
    "phone.never": (
        "Nigdy przez telefon: link, hasło, login, adres, powód odmowy.",
        "Never by telephone: a link, a password, a login, an address, the reason of a refusal.",
    ),
    "phone.open": ("Otwórz {number}", "Open {number}"),
    "phone.do": ("Co wolno zrobić", "What may be done"),
    "phone.hurry-reason": ("Dlaczego pilne", "Why it is urgent"),
    "phone.hurry-mail": ("Wyślij niewysłany mail jeszcze raz", "Send the mail that did not leave once more"),
    "phone.hurry-take": ("Weź zgłoszenie, żeby przyspieszyć", "Take the ticket, to speed it up"),
    "phone.protocol": ("Protokół rozmowy", "Protocol of the call"),
    "phone.protocol-text": (
        "Notatka dla zespołu. Klient jej nie zobaczy.",
        "Note for colleagues. The citizen never sees it.",
    ),
    "phone.protocol-save": ("Zapisz rozmowę", "Record the call"),
    "phone.not-me": ("„To nie ja”", "“It was not me”"),
    "phone.not-me-help": (
        "Wystarczy numer zgłoszenia. O nic nie pytaj i nic nie mów, tylko że sprawa stoi i ktoś ją sprawdzi.",
        "The number is enough. Ask and say nothing but that the matter stands still and somebody will check it.",
    ),
    "phone.not-me-reason": ("Co mówi dzwoniący (dla zespołu)", "What the caller says (for colleagues)"),
    "phone.done.call": ("{number}: rozmowa zapisana.", "{number}: the call is recorded."),
    "phone.done.stop": (
        "{number}: wstrzymane, rozmowa zapisana. Powiedz tylko, że sprawa stoi i ktoś ją sprawdzi.",
        "{number}: stopped, and the call recorded. Say only that it stands still and somebody will check it.",
    ),
    "phone.done.hurry": ("{number}: przyspieszone.", "{number}: speeded up."),
    "phone.recorded": ("Rozmowa jest zapisana.", "The call is recorded."),
}
