"""The emergency password: its rules and its hash.

The rules follow NIST SP 800-63B §3.1.1: length decides, predictable passwords are refused, no composition rules (they
make people write "Haslo123!" and stop nobody). The seeds give no rules; these are ours and stand on the page.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from argon2 import PasswordHasher
from argon2.exceptions import VerifyMismatchError

MIN_LENGTH = 12
MAX_LENGTH = 128
MIN_DISTINCT = 6
WORDS = ("hasło", "password", "qwerty", "puesc", "awaryjne")
"""Words that every guesser tries first; found with and without Polish letters."""

RULES = (
    f"Hasło ma od {MIN_LENGTH} do {MAX_LENGTH} znaków.",
    f"Ma co najmniej {MIN_DISTINCT} różnych znaków.",
    "Nie zawiera Twojego loginu ani jego części sprzed znaku @.",
    "Nie jest ciągiem kolejnych znaków, na przykład „abcdefghijkl” albo „123456789012”.",
    f"Nie zawiera słów, które łatwo odgadnąć: {', '.join(WORDS)}.",
    "Nie zaczyna się ani nie kończy spacją. Spacje w środku są dozwolone.",
)
"""What the page states, in plain Polish; ``problems`` enforces exactly these."""

MISSING = "Wpisz nowe hasło awaryjne."
ONCE = "Wpisz to samo hasło drugi raz."
DIFFERENT = "Hasła różnią się. Wpisz w obu polach to samo hasło."
TOO_SHORT = f"Hasło jest za krótkie: wpisz co najmniej {MIN_LENGTH} znaków."
TOO_LONG = f"Hasło jest za długie: wpisz najwyżej {MAX_LENGTH} znaków."
SPACES = "Usuń spację z początku lub z końca hasła."
INVISIBLE = "W haśle jest znak, którego nie widać. Wpisz hasło ręcznie, bez kopiowania."
UNIFORM = f"Hasło jest zbyt jednolite: użyj co najmniej {MIN_DISTINCT} różnych znaków."
LOGIN = "Hasło zawiera Twój login lub jego część. Wybierz inne."
SEQUENCE = "Hasło jest ciągiem kolejnych znaków. Wybierz inne."
GUESSED = "Hasło zawiera słowo, które łatwo odgadnąć: {slowa}. Wybierz inne."
PROBLEMS = (
    *(MISSING, ONCE, DIFFERENT, TOO_SHORT, TOO_LONG, SPACES),
    *(INVISIBLE, UNIFORM, LOGIN, SEQUENCE, GUESSED),
)
"""Every sentence that a refused password may get."""

_LOGIN_PART = 4  # shorter parts of a login ("jan") are inside too many innocent words
_SEQUENCES = tuple(
    repeated
    for row in ("abcdefghijklmnopqrstuvwxyz", "qwertyuiopasdfghjklzxcvbnm", "1234567890", "0123456789")
    for repeated in (row * 13, row[::-1] * 13)  # 13 * 10 is longer than MAX_LENGTH
)
_hasher = PasswordHasher()  # argon2id with the library's defaults (RFC 9106 §4, second recommended option)


@dataclass(frozen=True, slots=True)
class PasswordProblem:
    """One broken rule, in Polish for the citizen. ``repeat``: it belongs to the second field."""

    sentence: str
    """With the place {slowa} where words of the password are named."""
    repeat: bool = False
    words: str = ""

    @property
    def text(self) -> str:
        """As it is said."""
        return self.sentence.format(slowa=self.words)


def normalise(password: str) -> str:
    """OpaqueString (RFC 8265 §4.2.2): every kind of space is U+0020, then NFC. The same keys give the same bytes."""
    return unicodedata.normalize("NFC", "".join(" " if unicodedata.category(c) == "Zs" else c for c in password))


def hash_password(password: str) -> str:
    """The argon2id hash (PHC string, about 100 characters). Takes 64 MiB and tens of milliseconds: use a thread."""
    return _hasher.hash(normalise(password))


def verify(password_hash: str, password: str) -> bool:
    """Whether ``password`` is the one that was hashed."""
    try:
        return _hasher.verify(password_hash, normalise(password))
    except VerifyMismatchError:
        return False


def outdated(password_hash: str) -> bool:
    """Whether ``hash_password`` would make it dearer to guess than it was made once."""
    return _hasher.check_needs_rehash(password_hash)


def problems(password: str, repeat: str, *logins: str) -> tuple[PasswordProblem, ...]:
    """Every broken rule at once; empty when the password may be taken. ``logins``: whole e-mail addresses."""
    password, repeat = normalise(password), normalise(repeat)
    if not password:
        return (PasswordProblem(MISSING),)
    found = _broken(password, logins)
    if not repeat:
        found.append(PasswordProblem(ONCE, repeat=True))
    elif repeat != password:
        found.append(PasswordProblem(DIFFERENT, repeat=True))
    return tuple(found)


def _broken(password: str, logins: Sequence[str]) -> list[PasswordProblem]:
    plain = _plain(password)
    found = []
    if len(password) < MIN_LENGTH:
        found.append(PasswordProblem(TOO_SHORT))
    if len(password) > MAX_LENGTH:
        found.append(PasswordProblem(TOO_LONG))
    if password != password.strip():
        found.append(PasswordProblem(SPACES))
    if any(unicodedata.category(c)[0] == "C" or unicodedata.category(c) in ("Zl", "Zp") for c in password):
        found.append(PasswordProblem(INVISIBLE))
    if len(set(password.casefold())) < MIN_DISTINCT:
        found.append(PasswordProblem(UNIFORM))
    if any(part in plain for login in logins for part in _login_parts(login)):
        found.append(PasswordProblem(LOGIN))
    if plain and any(plain in row for row in _SEQUENCES):
        found.append(PasswordProblem(SEQUENCE))
    words = [word for word in WORDS if _plain(word) in plain]
    if words:
        found.append(PasswordProblem(GUESSED, words=", ".join(words)))
    return found


def _plain(text: str) -> str:
    """Letters and digits alone, case-folded, without diacritics: how a guesser sees "Jan.Kowalski" and "Hasło"."""
    folded = unicodedata.normalize("NFKD", text.casefold().replace("ł", "l"))
    return "".join(c for c in folded if c.isalnum())


def _login_parts(login: str) -> set[str]:
    local = login.rpartition("@")[0]
    parts = {_plain(part) for part in (login, local, *re.split(r"[\W_]+", local))}
    return {part for part in parts if len(part) >= _LOGIN_PART}
