"""Letter, application, signer and account side by side, with what differs. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from mailbot.application.check import same_person
from mailbot.desk.letter import Shown
from mailbot.desk.letters import account_of
from mailbot.desk.view import TicketView
from mailbot.model import Account, Match
from mailbot.request import names
from mailbot.text.address import login_key

COLUMNS = ("letter", "application", "signer", "account")


class Mark(StrEnum):
    """How a cell compares with the one that counts in its row."""

    NONE = "none"
    COUNTS = "counts"
    SAME = "same"
    DOUBT = "doubt"
    DIFFERS = "differs"


@dataclass(frozen=True, slots=True)
class Cell:
    """One datum of one source; "" where the source does not tell it."""

    text: str = ""
    mark: Mark = Mark.NONE


@dataclass(frozen=True, slots=True)
class Line:
    """One datum: person, year, login, address. cells: as COLUMNS."""

    name: str
    cells: tuple[Cell, ...]

    @property
    def differs(self) -> bool:
        """Whether a cell is otherwise than the one that counts, or may be."""
        return any(cell.mark in (Mark.DIFFERS, Mark.DOUBT) for cell in self.cells)


_MARKS = {Match.OK: Mark.SAME, Match.DOUBT: Mark.DOUBT, Match.MISMATCH: Mark.DIFFERS}


def side_by_side(case: TicketView, letter: Shown | None) -> tuple[Line, ...]:
    """Of the letter that opened the ticket, and of the account it is about as the directory holds it now."""
    account = account_of(case)
    signer = _signer(letter)
    read = _application(letter)
    said = letter.request if letter else None
    names_ = said.names if said else ()
    year = str(said.year) if said and said.year else ""
    sender = case.correspondent or ""
    moves = bool(read.get("old_login") or read.get("new_email") or case.category.endswith("_B"))
    login = Line(
        "login",
        (
            Cell("" if moves else sender, _address("" if moves else sender, account)),
            Cell(read.get("old_login", ""), _address(read.get("old_login", ""), account)),
            Cell(),
            Cell(account.login, Mark.COUNTS) if account else Cell(),
        ),
    )
    found = [_person(names_, read, signer, account), _years(year, signer, account), login]
    if moves:
        new = read.get("new_email", "")
        same = Mark.SAME if new and login_key(new) == login_key(sender) else Mark.DIFFERS
        found.append(
            Line("address", (Cell(sender, Mark.COUNTS), Cell(new, same if new else Mark.NONE), Cell(), Cell()))
        )
    return tuple(found)


def _person(said: Sequence[str], read: Mapping[str, str], signer: Mapping[str, Any], account: Account | None) -> Line:
    written = Mark.NONE if account is None or not said else _MARKS.get(names.compare(tuple(said), account), Mark.NONE)
    applied, signed = ((one.get("given") or "", one.get("surname") or "") for one in (read, signer))
    return Line(
        "person",
        (
            Cell(" ".join(said), written),
            Cell(" ".join(applied).strip(), _named(*applied, account)),
            Cell(" ".join(signed).strip(), _named(*signed, account)),
            Cell(f"{account.given} {account.surname}", Mark.COUNTS) if account else Cell(),
        ),
    )


def _named(given: str, surname: str, account: Account | None) -> Mark:
    if account is None or not (given or surname):
        return Mark.NONE
    return _MARKS.get(same_person(given, surname, account), Mark.NONE)


def _years(said: str, signer: Mapping[str, Any], account: Account | None) -> Line:
    signed = str(signer.get("birth_date") or "")[:4]
    counts = str(account.birth_year) if account else ""
    return Line(
        "year",
        (
            Cell(said, _equal(said, counts)),
            Cell(),
            Cell(signed, _equal(signed, counts)),
            Cell(counts, Mark.COUNTS if counts else Mark.NONE),
        ),
    )


def _equal(one: str, counts: str) -> Mark:
    if not one or not counts:
        return Mark.NONE
    return Mark.SAME if one == counts else Mark.DIFFERS


def _address(one: str, account: Account | None) -> Mark:
    return _equal(login_key(one) or one, (login_key(account.login) or "") if account else "")


def _signer(letter: Shown | None) -> Mapping[str, Any]:
    """Of the one signed file; of several, nobody can say which counts."""
    signers = [report["signer"] for report in letter.reports if report.get("signer")] if letter else []
    return signers[0] if len(signers) == 1 else {}


def _application(letter: Shown | None) -> Mapping[str, str]:
    return letter.application if letter else {}
