"""The application of case B: the four data it must hold (seed 001, P8)."""

from __future__ import annotations

from dataclasses import dataclass, field

MOST_PICTURES = 2
"""Pages of which a picture is kept."""


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
    doubts: tuple[str, ...] = field(default=(), compare=False)
    """Why it is not certain that this is what a person sees; private, for operators. Any of them sends the mail to a
    person: what is not surely read is no defect of the citizen's."""
    named: bool = field(default=True, compare=False)
    """False: the name is a line of its own and nothing says whose it is, so it may be no name at all."""

    torn: tuple[str, ...] = field(default=(), compare=False)
    """Addresses, in small letters, that are right if a hyphen at a line's end belongs to them (letter.whole)."""

    @property
    def data(self) -> dict[str, str]:
        """What is there, by name."""
        found = {
            "given": self.given,
            "surname": self.surname,
            "old_login": self.old_login,
            "new_email": self.new_email,
        }
        return {name: value for name, value in found.items() if value is not None}

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


@dataclass(frozen=True, slots=True)
class Reading:
    """An application as it was read, and what shows whether that is right."""

    application: Application
    text: str
    """What its letters say, as lines."""
    seen: str | None = None
    """What optical character recognition reads in the picture of its pages; None: a format that has no pages."""
    pictures: tuple[bytes, ...] = ()
    """PNG of its first pages."""
