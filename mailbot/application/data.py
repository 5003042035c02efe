"""The application of case B: the four data it must hold (seed 001, P8)."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Application:
    """What could be read for certain. None: it is not there, or stands there twice with different values."""

    given: str | None
    surname: str | None
    old_login: str | None
    """As written, an e-mail address."""
    new_email: str | None
    readable: bool = True
    """False: a scan, an empty page, a format we do not read: nothing is ever guessed."""

    @property
    def missing(self) -> tuple[str, ...]:
        """Polish names of the data that are not there, for the sentence APP_INCOMPLETE, in the order of the card."""
        named = (
            ("imię", self.given),
            ("nazwisko", self.surname),
            ("dotychczasowy login", self.old_login),
            ("nowy adres e-mail", self.new_email),
        )
        return tuple(name for name, value in named if value is None)
