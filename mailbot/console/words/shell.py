"""The frame of every page, and what went wrong."""

from __future__ import annotations

WORDS: dict[str, tuple[str, str]] = {
    "desk": ("Biurko – Help Desk SISC", "Desk – Help Desk SISC"),
    "skip": ("Przejdź do treści", "Skip to the content"),
    "screens": ("Ekrany", "Screens"),
    "keys": ("Klawisze", "Keys"),
    "keys.j": ("następny wiersz", "next row"),
    "keys.k": ("poprzedni wiersz", "previous row"),
    "keys.enter": ("otwórz", "open"),
    "keys.r": ("odpowiedź", "reply"),
    "keys.n": ("notatka", "note"),
    "keys.help": ("ta pomoc", "this help"),
    "close": ("Zamknij", "Close"),
    "logged-in": ("Zalogowano: {name}", "Logged in: {name}"),
    "log-out": ("Wyloguj", "Log out"),
    "yes": ("tak", "yes"),
    "no": ("nie", "no"),
    "nobody": ("nikt", "nobody"),
    "notice.400": ("Nie udało się odczytać formularza", "The form could not be read"),
    "advice.400": ("Wróć do strony i wyślij go jeszcze raz.", "Go back to the page and send it again."),
    "notice.403": ("Nie wolno", "Not allowed"),
    "advice.403": (
        "Twoja rola tego nie obejmuje albo formularz był zbyt stary. Wróć i odśwież stronę: tekst jest zapisany.",
        "Your role does not cover this, or the form was too old. Go back and reload: what you typed is kept.",
    ),
    "notice.404": ("Nie ma takiej strony", "There is no such page"),
    "advice.404": (
        "Nie ma takiego zgłoszenia albo prowadzi je inny zespół.",
        "There is no such ticket, or it belongs to another desk.",
    ),
    "notice.405": ("Tej strony nie można tak otworzyć", "This page cannot be opened like that"),
    "advice.405": ("Wróć do listy.", "Go back to the list."),
    "notice.409": ("W międzyczasie coś się zmieniło", "Something changed meanwhile"),
    "advice.409": ("Otwórz zgłoszenie jeszcze raz.", "Open the ticket again."),
    "notice.413": ("Za dużo naraz", "Too much at once"),
    "advice.413": ("Wyślij mniejsze pliki.", "Send smaller files."),
    "notice.429": ("Za dużo prób", "Too many tries"),
    "advice.429": ("Poczekaj minutę.", "Wait a minute."),
    "notice.500": ("Coś poszło nie tak", "Something went wrong"),
    "advice.500": (
        "To nasz błąd. Powiedz administratorowi, o której to było.",
        "Our fault. Tell the administrator when.",
    ),
    "notice.503": ("Biurko jest chwilowo niedostępne", "The desk is not available just now"),
    "advice.503": ("Spróbuj za minutę. Wpisany tekst jest zapisany.", "Try in a minute. What you typed is kept."),
}
