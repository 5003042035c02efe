"""One line of a CSV file of accounts → one row of the table ``account``, or the reason why not. Pure."""

from __future__ import annotations

import csv
import difflib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from mailbot.accounts import fields
from mailbot.model import Account
from mailbot.secret import Secret
from mailbot.text import address, pesel

REQUIRED = ("login", "given", "surname", "birth_year")
OPTIONAL = ("sex", "pesel", "scope", "csd", "status")
_BOM = b"\xef\xbb\xbf"

AccountRow = dict[str, Any]
"""Values by column of ``storage.schema.account``."""


@dataclass(frozen=True, slots=True)
class CsvFormat:
    """How the lines of one file are to be read; found in its header."""

    delimiter: str
    columns: tuple[str, ...]


class BadRow(ValueError):
    """Why a line cannot be taken, with the mend; never holds a value of the line (it may be a PESEL)."""


def read_format(line: bytes) -> CsvFormat:
    """The format that the header line (UTF-8, BOM or not) sets. Raises BadRow naming the column and the mend."""
    if line.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise BadRow("the file is UTF-16; mend: save it as CSV UTF-8")
    text = _decode(line.removeprefix(_BOM))
    delimiter = ";" if text.count(";") > text.count(",") else ","
    columns = tuple(cell.strip().lower() for cell in _split(text, delimiter))
    for number, column in enumerate(columns, start=1):
        if column not in REQUIRED + OPTIONAL:
            close = difflib.get_close_matches(column, REQUIRED + OPTIONAL, n=1)
            mend = f"did you mean {close[0]}?" if close else f"remove it; known are {', '.join(REQUIRED + OPTIONAL)}"
            shown = column[:40] if column.isidentifier() else f"number {number}"  # without a header it may be a PESEL
            raise BadRow(f"column {shown} is unknown; mend: {mend}")
        if columns.count(column) > 1:
            raise BadRow(f"column {column} stands twice; mend: remove one")
    lacking = [column for column in REQUIRED if column not in columns]
    if lacking:
        raise BadRow(
            f"column {', '.join(lacking)} is missing; mend: the first line must be a header like {','.join(REQUIRED)}"
        )
    return CsvFormat(delimiter, columns)


def read_row(line: bytes, form: CsvFormat, secret: Secret, this_year: int) -> AccountRow:
    """The values of one line; absent optional columns take the defaults of ``model.Account``. Raises BadRow."""
    cells = _split(_decode(line), form.delimiter)
    if len(cells) != len(form.columns):
        raise BadRow(
            f"has {len(cells)} fields, the header has {len(form.columns)}; mend: quote a text that holds the separator"
        )
    given = {column: cell.strip() for column, cell in zip(form.columns, cells, strict=True)}
    year = _read("birth_year", given, lambda text: fields.birth_year(text, this_year))
    sex, pesel_hash = _person(given, year, secret)
    account = Account(
        login=_read("login", given, fields.login),
        given=_read("given", given, fields.name),
        surname=_read("surname", given, fields.name),
        birth_year=year,
        sex=sex,
        pesel_hash=pesel_hash,
        scope=_word("scope", given.get("scope") or "podstawowy", fields.SCOPES),
        csd=_word("csd", given.get("csd") or "nie", fields.FLAGS),
        # An empty status is refused: whether somebody is blocked must not be guessed.
        status=_word("status", given.get("status", "aktywne"), fields.STATUSES),
    )
    return column_values(account)


def column_values(account: Account) -> AccountRow:
    """The row of an account whose login is an e-mail address."""
    return {
        "login": account.login,
        "login_key": address.login_key(account.login),
        "given": account.given,
        "surname": account.surname,
        "surname_key": fields.surname_key(account.surname),
        "birth_year": account.birth_year,
        "sex": account.sex,
        "pesel_hash": account.pesel_hash,
        "scope": account.scope,
        "csd": int(account.csd),
        "status": account.status.value,
    }


def _decode(line: bytes) -> str:
    if b"\0" in line:
        raise BadRow("holds a NUL byte; mend: export the file anew")
    try:
        return line.decode("utf-8").rstrip("\r\n")
    except UnicodeDecodeError as error:
        raise BadRow(f"is not UTF-8 at byte {error.start + 1} of the line; mend: save the file as UTF-8") from None


def _split(text: str, delimiter: str) -> list[str]:
    """The cells of one line (RFC 4180). No cell of ours spans lines, so an open quote harms one line only."""
    try:
        return next(csv.reader([text], delimiter=delimiter, strict=True), [])
    except csv.Error as error:
        raise BadRow(f"is not CSV: {error}; mend: close the quotes and double those inside a text") from None


def _read(column: str, given: Mapping[str, str], reader: Callable[[str], Any]) -> Any:
    try:
        return reader(given[column])
    except ValueError as error:
        raise BadRow(f"{column}: {error}") from None


def _person(given: Mapping[str, str], year: int, secret: Secret) -> tuple[str | None, str | None]:
    """Sex and PESEL hash; the PESEL must agree with what else is said, and tells the sex when nothing else does."""
    sex = _word("sex", given["sex"], fields.SEXES) if given.get("sex") else None
    if not given.get("pesel"):
        return sex, None
    said = _read("pesel", given, pesel.parse)
    if said.birth.year != year:
        raise BadRow("birth_year: contradicts the PESEL; mend: correct the wrong one")
    if sex is not None and said.sex != sex:
        raise BadRow("sex: contradicts the PESEL; mend: correct the wrong one")
    return said.sex, pesel.keyed_hash(secret, given["pesel"])


def _word(column: str, text: str, words: Mapping[str, Any]) -> Any:
    try:
        return words[text.casefold()]
    except KeyError:
        raise BadRow(f"{column}: is not an allowed word; mend: one of {', '.join(words)}") from None
