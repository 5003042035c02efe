"""The codes of the program in words: states, outcomes, mails, events, facts."""

from __future__ import annotations

from mailbot.text.outcomes import OUTCOMES

_STATES = {
    "ZAREJESTROWANE": ("zarejestrowane", "registered"),
    "W_TOKU": ("w toku", "being worked on"),
    "DO_WERYFIKACJI": ("do weryfikacji", "to be checked"),
    "OCZEKUJE_NA_KLIENTA": ("czeka na klienta", "waits for the citizen"),
    "ZAMKNIETE_ROZWIAZANE": ("zamknięte: rozwiązane", "closed: solved"),
    "ZAMKNIETE_NEGATYWNIE": ("zamknięte: odmowa", "closed: refused"),
    "ZAMKNIETE_BEZ_ZMIAN": ("zamknięte: bez zmian", "closed: nothing done"),
    "PONOWNIE_OTWARTE": ("reklamacja: otwarte na nowo", "complaint: opened again"),
    "KWARANTANNA": ("kwarantanna", "quarantine"),
    "WSTRZYMANE": ("wstrzymane", "stopped"),
    "ODRZUCONE_AUTOMAT": ("mail automatu", "mail of a machine"),
}

WORDS: dict[str, tuple[str, str]] = {
    **{f"state.{state}": words for state, words in _STATES.items()},
    **{f"outcome.{code.value}": (words, OUTCOMES["en"][code]) for code, words in OUTCOMES["pl"].items()},
}
