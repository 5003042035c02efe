"""``mailbot accounts import FILE.csv``: a file of any length in bounded memory.

A line is a record, so a bad line costs itself only. In memory lies one chunk of rows; the logins already seen lie in a
temporary database on disk.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import BinaryIO

from sqlalchemy import Dialect, Engine, Executable, func
from sqlalchemy.exc import DBAPIError

from mailbot.accounts import sql
from mailbot.accounts.rows import AccountRow, BadRow, CsvFormat, read_format, read_row
from mailbot.errors import DatabaseUnavailable, ImportRefused
from mailbot.observe import Clock, utc_now
from mailbot.secret import Secret
from mailbot.storage import upsert
from mailbot.storage.schema import account

_CHUNK = 1_000  # rows in one transaction: short enough not to keep the mails waiting
_LINE = 16_384  # octets; a longer line is no account
_TOLD = 20  # bad lines in the text of ImportRefused


@dataclass(frozen=True, slots=True)
class ImportProgress:
    """How far an import is. ``bytes_total`` counts both passes of a refusing import; 0 when unknown (a pipe)."""

    rows: int
    """Lines read so far in this pass, good and bad, without the header."""
    bad: int
    bytes_read: int
    bytes_total: int


@dataclass(frozen=True, slots=True)
class BadLine:
    """A line that was not taken, counted from 1; ``reason`` names the mend and holds no personal data."""

    line: int
    reason: str


@dataclass(frozen=True, slots=True)
class ImportReport:
    """What an import did: accounts written (new or renewed) and lines left out."""

    written: int
    bad: int


def import_file(
    path: Path,
    engine: Engine,
    secret: Secret,
    *,
    refuse: bool,
    progress: Callable[[ImportProgress], None] = lambda _: None,
    on_bad: Callable[[BadLine], None] = lambda _: None,
    clock: Clock = utc_now,
) -> ImportReport:
    """Write the accounts of a CSV file, renewing those whose login exists. Running it twice changes nothing.

    Columns: login, given, surname, birth_year[, sex, pesel, scope, csd, status]; comma or semicolon; UTF-8.
    A renewed account keeps what the file has no column for; an empty cell never erases its sex or PESEL.
    ``refuse``: read the whole file first and write nothing when a line is bad; otherwise bad lines are left out.
    Every bad line goes to ``on_bad``. Raises ImportRefused (unreadable, header, bad lines) and DatabaseUnavailable.
    """
    with _open(path) as file:
        reader = _Reader(path, file, secret, clock().year, progress, passes=2 if refuse else 1)
        if refuse:
            _check(path, reader, on_bad)
            reader.rewind()
            on_bad = _changed(path)
        written = _write(engine, reader.form, reader.rows(on_bad))
        return ImportReport(written, reader.bad)


class _Reader:
    """The lines of one file, read once or twice."""

    def __init__(
        self,
        path: Path,
        file: BinaryIO,
        secret: Secret,
        year: int,
        progress: Callable[[ImportProgress], None],
        *,
        passes: int,
    ) -> None:
        self._file, self._secret, self._year, self._progress = file, secret, year, progress
        if passes > 1 and not file.seekable():
            raise ImportRefused(f"{path}: cannot be read twice; mend: give a file, or leave bad lines out")
        header = file.readline(_LINE)
        try:
            self.form = read_format(header)
        except BadRow as error:
            raise ImportRefused(f"{path}: line 1: {error}") from None
        self.bad = 0
        self._header = self._read = len(header)
        self._total = os.fstat(file.fileno()).st_size * passes

    def rewind(self) -> None:
        """Back to the first line behind the header, for the next pass."""
        self._file.seek(self._header)
        self._read += self._header

    def rows(self, on_bad: Callable[[BadLine], None]) -> Iterator[AccountRow]:
        """The good rows; counts and tells the bad ones, and the progress after each chunk of lines."""
        count = self.bad = 0
        with closing(_LoginsSeen()) as seen:
            for number, line in enumerate(self._lines(), start=2):
                if not line.strip():
                    continue
                count += 1
                try:
                    if len(line) >= _LINE:
                        raise BadRow(f"is longer than {_LINE} bytes; mend: check the line ends of the file")
                    row = read_row(line, self.form, self._secret, self._year)
                    seen.add(row["login_key"], number)
                except BadRow as error:
                    self.bad += 1
                    on_bad(BadLine(number, str(error)))
                else:
                    yield row
                if count % _CHUNK == 0:
                    self._progress(ImportProgress(count, self.bad, self._read, self._total))
        self._progress(ImportProgress(count, self.bad, self._read, self._total))

    def _lines(self) -> Iterator[bytes]:
        """The lines; of one that is too long its first ``_LINE`` bytes, the rest is passed over."""
        while line := self._file.readline(_LINE):
            part = line
            self._read += len(part)
            while len(part) == _LINE and not part.endswith(b"\n"):
                part = self._file.readline(_LINE)
                self._read += len(part)
            yield line


class _LoginsSeen:
    """The logins of one pass and their lines, in a temporary SQLite database that lies on disk when it grows."""

    def __init__(self) -> None:
        self._database = sqlite3.connect("", isolation_level=None)
        self._database.execute("PRAGMA journal_mode=OFF")
        self._database.execute("CREATE TABLE seen (login TEXT PRIMARY KEY, line INTEGER) WITHOUT ROWID")
        self._database.execute("BEGIN")

    def add(self, key: str, line: int) -> None:
        """Remember a login. Raises BadRow when an earlier line has it."""
        if self._database.execute("INSERT OR IGNORE INTO seen VALUES (?, ?)", (key, line)).rowcount:
            return
        (earlier,) = self._database.execute("SELECT line FROM seen WHERE login = ?", (key,)).fetchone()
        raise BadRow(f"login: stands already in line {earlier}; mend: remove one of the two")

    def close(self) -> None:
        """Drop it."""
        self._database.close()


def _open(path: Path) -> BinaryIO:
    try:
        return path.open("rb")
    except OSError as error:
        raise ImportRefused(f"{path}: cannot be read ({error.strerror}); mend: name the right file") from error


def _check(path: Path, reader: _Reader, on_bad: Callable[[BadLine], None]) -> None:
    """Read all lines; ImportRefused when one is bad."""
    told: list[str] = []

    def tell(bad: BadLine) -> None:
        if len(told) < _TOLD:
            told.append(f"{path}: line {bad.line}: {bad.reason}")
        on_bad(bad)

    for _ in reader.rows(tell):
        pass
    if reader.bad:
        raise ImportRefused("\n".join((f"{path}: bad lines: {reader.bad}; nothing was written", *told)))


def _changed(path: Path) -> Callable[[BadLine], None]:
    def refuse(bad: BadLine) -> None:
        raise ImportRefused(f"{path}: line {bad.line}: the file changed while it was read; mend: import it again")

    return refuse


def _write(engine: Engine, form: CsvFormat, rows: Iterator[AccountRow]) -> int:
    """Write the rows, a transaction a chunk; the number written."""
    statement = _upsert(engine.dialect, form)
    written = 0
    while chunk := list(islice(rows, _CHUNK)):
        try:
            with engine.begin() as connection:
                connection.execute(statement, sql.where_they_are(connection, chunk))
        except DBAPIError as error:
            raise DatabaseUnavailable(
                f"{type(error.orig).__name__} after {written} accounts were written; mend: import the file again"
            ) from error
        written += len(chunk)
    return written


def _upsert(dialect: Dialect, form: CsvFormat) -> Executable:
    """Insert, or renew what the file has a column for: a file without status must not unblock anybody."""
    statement = upsert.insert(dialect, account)
    new = statement.excluded
    always = ("login", "given", "surname", "surname_key", "birth_year")
    renewed = {name: new[name] for name in (*always, *(c for c in ("scope", "csd", "status") if c in form.columns))}
    kept = {name: func.coalesce(new[name], account.c[name]) for name in ("sex", "pesel_hash")}
    return statement.on_conflict_do_update(index_elements=["login_key"], set_=renewed | kept)
