"""The words for what people may do, Polish and English. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from mailbot.desk.requests import Action


@dataclass(frozen=True, slots=True)
class Bilingual:
    """One thing in both languages; may hold {places}."""

    pl: str
    en: str

    def told(self, language: str, **values: str) -> str:
        """In ``language``, filled in. Values are not looked into."""
        return (self.en if language == "en" else self.pl).format_map(values)


ACTIONS: Mapping[Action, Bilingual] = {
    Action.TAKE: Bilingual("Weź", "Take"),
    Action.GIVE: Bilingual("Przekaż osobie", "Give to a colleague"),
    Action.PUT_BACK: Bilingual("Oddaj", "Put back"),
    Action.ASSIGN: Bilingual("Przekaż do zespołu", "Assign to a desk"),
    Action.NOTE: Bilingual("Zapisz notatkę dla zespołu", "Save a note for colleagues"),
    Action.REPLY: Bilingual("Wyślij odpowiedź klientowi", "Send the answer to the citizen"),
    Action.REPLY_AND_CLOSE: Bilingual("Wyślij odpowiedź i zamknij", "Send the answer and close"),
    Action.ASK: Bilingual("Wyślij pytanie klientowi", "Send a question to the citizen"),
    Action.REFUSE_NAMED: Bilingual("Odmów: wskaż braki", "Refuse: name what is missing"),
    Action.REFUSE_GENERIC: Bilingual("Odmów ogólnie", "Refuse without naming a reason"),
    Action.ACCEPT_A: Bilingual("Przyjmij: hasło awaryjne", "Accept: emergency password"),
    Action.ACCEPT_B: Bilingual("Przyjmij zmianę loginu: pierwsza osoba", "Accept the change of login: first person"),
    Action.CONFIRM_B: Bilingual("Potwierdź zmianę loginu: druga osoba", "Confirm the change of login: second person"),
    Action.WITHDRAW_B: Bilingual("Wycofaj przyjęcie zmiany loginu", "Withdraw the acceptance of the change of login"),
    Action.STOP: Bilingual("Wstrzymaj", "Stop"),
    Action.RELEASE: Bilingual("Zwolnij wstrzymanie", "Release"),
    Action.OUT_OF_QUARANTINE: Bilingual("Wypuść z kwarantanny", "Let out of the quarantine"),
    Action.OUT_OF_LIMIT: Bilingual("Wypuść z limitu", "Let out of the limit"),
    Action.CLOSE: Bilingual("Zamknij bez wiadomości", "Close without a mail"),
    Action.REOPEN: Bilingual("Otwórz ponownie", "Reopen"),
    Action.ANSWER_COMPLAINT: Bilingual("Odpowiedz na reklamację i zamknij", "Answer the complaint and close"),
    Action.MERGE: Bilingual("Połącz ze zgłoszeniem", "Merge with a ticket"),
    Action.SPLIT: Bilingual("Wydziel list", "Split a letter off"),
    Action.LINK: Bilingual("Powiąż ze zgłoszeniem", "Link to a ticket"),
    Action.MAIL_RETRY: Bilingual("Wyślij wiadomość jeszcze raz", "Try the mail again"),
    Action.MAIL_HOLD: Bilingual("Zatrzymaj wiadomość", "Hold the mail"),
    Action.MAIL_CANCEL: Bilingual("Anuluj wiadomość", "Cancel the mail"),
    Action.TAKE_BACK: Bilingual("Cofnij wysłanie", "Take back"),
    Action.CALL: Bilingual("Zapisz rozmowę telefoniczną", "Record a telephone call"),
}

MEANINGS: Mapping[Action, Bilingual] = {
    Action.TAKE: Bilingual("zgłoszenie jest Twoje; nowe przechodzi w W_TOKU", "it is yours; a new one becomes W_TOKU"),
    Action.GIVE: Bilingual("zgłoszenie ma inna osoba z zespołu", "a colleague who may work there has it"),
    Action.PUT_BACK: Bilingual("nikt go nie ma, czeka w zespole", "nobody has it, it waits at its desk"),
    Action.ASSIGN: Bilingual("czeka w innym zespole, nikt go nie ma", "it waits at another desk, nobody has it"),
    Action.NOTE: Bilingual("tekst dla zespołu; nigdy nie wychodzi", "a text for colleagues; it is never sent"),
    Action.REPLY: Bilingual(
        "wiadomość T21 albo wzór urzędu wychodzi po czasie na cofnięcie; zgłoszenie zostaje otwarte",
        "T21, or a template of the office, leaves after the time to take it back; the ticket stays open",
    ),
    Action.REPLY_AND_CLOSE: Bilingual(
        "wiadomość wychodzi jak w zwykłej odpowiedzi; zgłoszenie zamknięte, termin dotrzymany",
        "the mail leaves as with reply; the ticket is closed and its promise counts as kept",
    ),
    Action.ASK: Bilingual(
        "T22 z pytaniem; zgłoszenie czeka na klienta do dnia z calendar.yaml (reply_days), potem zamyka się samo",
        "T22 with the question; the ticket waits until the day of calendar.yaml (reply_days), then closes by itself",
    ),
    Action.REFUSE_NAMED: Bilingual(
        "T4 z zaznaczonymi brakami; koniec sprawy", "T4 names the ticked defects; the ticket is closed"
    ),
    Action.REFUSE_GENERIC: Bilingual(
        "T5 z takim samym losowym opóźnieniem jak od automatu; koniec sprawy",
        "T5 leaves after a random delay, as the machine's does; the ticket is closed",
    ),
    Action.ACCEPT_A: Bilingual(
        "T2A i T3 (i T1, jeśli go nie było) na login; każde odstępstwo trzeba zaznaczyć",
        "T2A and T3 (and T1 if there was none) to the login; every deviation must be ticked",
    ),
    Action.ACCEPT_B: Bilingual(
        "nic nie wychodzi; druga osoba musi potwierdzić to samo", "nothing leaves; a second person must say the same"
    ),
    Action.CONFIRM_B: Bilingual(
        "T14 na stary login, po czasie oczekiwania T2B i T3 na nowy adres; obie osoby otworzyły wniosek",
        "T14 to the old login; after the hold T2B and T3 to the new address; both have opened the application",
    ),
    Action.WITHDRAW_B: Bilingual(
        "przyjęcie przez pierwszą osobę przestaje się liczyć", "what the first person accepted counts no more"
    ),
    Action.STOP: Bilingual(
        "link nie działa, wiadomości stoją, zgłoszenie ma zespół bezpieczeństwa",
        "the link is dead, its mails stay, the security desk has the ticket",
    ),
    Action.RELEASE: Bilingual(
        "reszta wychodzi z nowymi datami, czas oczekiwania płynie dalej; bez linku zgłoszenie wraca, gdzie było",
        "the rest leaves with new dates and the hold goes on; without a link the ticket is back where it was",
    ),
    Action.OUT_OF_QUARANTINE: Bilingual(
        "list ocenia automat jeszcze raz, nadawca zawsze niepotwierdzony; nowe zgłoszenie",
        "the letter is decided again, its sender never proven; a new ticket",
    ),
    Action.OUT_OF_LIMIT: Bilingual(
        "listy ocenia automat jeszcze raz, jakby limitu nie było; nowe zgłoszenia",
        "the letters are decided again as if there were no limit; new tickets",
    ),
    Action.CLOSE: Bilingual(
        "po rozmowie, po odpowiedzi albo gdy nikt nie czeka; co nie wyszło, jest anulowane",
        "after a call or an answer, or when nobody waits; what has not left is cancelled",
    ),
    Action.REOPEN: Bilingual(
        "PONOWNIE_OTWARTE z nowym terminem; co zakończyło bezpieczeństwo, wraca do niego, a kwarantanna do kwarantanny",
        "PONOWNIE_OTWARTE with a new promise; what security had goes back to security, quarantine to quarantine",
    ),
    Action.ANSWER_COMPLAINT: Bilingual(
        "T23 wskazuje portal jako dalszą drogę; koniec", "T23 names the portal as the next way; the ticket is closed"
    ),
    Action.MERGE: Bilingual(
        "młodsze dołącza do starszego, liczy się wcześniejszy termin; tylko jednej potwierdzonej osoby",
        "the younger joins the older, the earlier promise counts; only tickets of one proven person",
    ),
    Action.SPLIT: Bilingual(
        "list dostaje własne zgłoszenie z nowym terminem", "the letter gets a ticket and a promise"
    ),
    Action.LINK: Bilingual("oba wskazują na siebie, nic więcej", "both point at each other, nothing else"),
    Action.MAIL_RETRY: Bilingual("wiadomość wychodzi od nowa", "the mail is tried from the start"),
    Action.MAIL_HOLD: Bilingual(
        "wiadomość czeka na Ciebie; zgłoszenie z wstrzymanym pytaniem lub odpowiedzią wraca do pracy",
        "the mail waits for you; a ticket whose question or answer is held is open again",
    ),
    Action.MAIL_CANCEL: Bilingual(
        "nigdy nie wyjdzie; nie taka z działającym linkiem; zgłoszenie bez pytania lub odpowiedzi wraca do pracy",
        "it never leaves; a ticket whose question or answer it was is open again",
    ),
    Action.TAKE_BACK: Bilingual(
        "ostatnia wiadomość nie wyjdzie, zgłoszenie jest jak przed nią; dopóki nie wyszła",
        "as long as the last mail has not left, it does not leave and the ticket is as before",
    ),
    Action.CALL: Bilingual("co powiedział dzwoniący i co z tego wynika", "what the caller said and what came of it"),
}
"""What happens then."""


def action(which: Action, language: str) -> str:
    """What stands on its button."""
    return ACTIONS[which].told(language)
