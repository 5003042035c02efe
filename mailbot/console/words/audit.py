"""The audit chain."""

from __future__ import annotations

WORDS: dict[str, tuple[str, str]] = {
    "audit": ("Audyt", "Audit"),
    "audit.head": ("Najnowszy wiersz: {seq}, skrót", "Newest row: {seq}, hash"),
    "audit.waiting": ("{n} zdarzeń zaraz dołączy.", "{n} events are about to be taken over."),
    "audit.object": ("Czego dotyczy", "What it is about"),
    "audit.object-help": (
        "Numer zgłoszenia w dowolnym zapisie, operator:nazwa albo rules.",
        "The number of a ticket in any spelling, operator:name or rules.",
    ),
    "audit.actor": ("Kto", "Who"),
    "audit.actor-help": ("Nazwa operatora, machine albo shell:nazwa.", "Name of an operator, machine or shell:name."),
    "audit.day": ("Dzień", "Day"),
    "audit.no-day": ("Nie ma takiego dnia; pokazano wszystkie.", "There is no such day; all are shown."),
    "audit.rows": ("Wiersze, od najnowszego", "Rows, newest first"),
    "audit.col.seq": ("Wiersz", "Row"),
    "audit.col.at": ("Kiedy", "When"),
    "audit.col.actor": ("Kto", "Who"),
    "audit.col.action": ("Co", "What"),
    "audit.col.object": ("Czego dotyczy", "About"),
    "audit.col.before": ("Wersja przed", "Version before"),
    "audit.col.after": ("Wersja po", "Version after"),
    "audit.col.reason": ("Powód", "Reason"),
    "audit.verify": ("Sprawdzenie łańcucha", "Verify the chain"),
    "audit.verify-help": (
        "Każdy wiersz musi pasować do poprzedniego i do zdarzenia, które za nim stoi. Zmieniony, brakujący albo "
        "przestawiony wiersz zostanie nazwany.",
        "Each row must fit the one before it and the event behind it. A changed, missing or moved row is named.",
    ),
    "audit.verify-go": ("Sprawdź", "Verify"),
    "audit.back": ("Wróć do listy", "Back to the list"),
    "audit.progress": ("Sprawdzono do wiersza {last} z {end}", "Verified up to row {last} of {end}"),
    "audit.row": ("Wiersz {seq}", "Row {seq}"),
    "audit.next": ("Sprawdzaj dalej", "Go on"),
    "audit.wrong": ("Znaleziono błędów: {n}.", "Faults found: {n}."),
    "audit.wrong-advice": (
        "Nic nie zmieniaj. Zachowaj kopię bazy i zawiadom bezpieczeństwo.",
        "Change nothing. Keep a copy of the database and tell the security desk.",
    ),
    "audit.right": ("Wszystkie wiersze do {end} są w porządku.", "All rows up to {end} are right."),
    "audit.right-advice": (
        "Porównanie z zapisanymi skrótami robi polecenie: mailbot audit verify.",
        "Heads that were written out are compared by: mailbot audit verify.",
    ),
    "audit.export": ("Eksport", "Export"),
    "audit.after": ("Wiersze za numerem (najwyżej {n} w pliku)", "Rows behind number (at most {n} in a file)"),
    "audit.export-go": ("Pobierz plik", "Download the file"),
}
